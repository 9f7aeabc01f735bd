package asm

import (
	"fmt"
	"strconv"
	"strings"
)

// Error is a mistake in a program text.
type Error struct {
	File      string
	Line, Col int // counted from 1, columns in bytes
	Reason    string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Reason) }

type tokenKind uint8

const (
	tokEnd   tokenKind = iota // end of the line
	tokName                   // identifier, register, keyword, directive
	tokNum                    // starts with a digit
	tokOp                     // operator or punctuation
	tokStr                    // quoted; text is the value
	tokWrong                  // text says what is wrong
)

// token is a piece of a line; col counts from 1.
type token struct {
	kind tokenKind
	text string
	col  int
}

// String says what the token is in an error.
func (t token) String() string {
	switch t.kind {
	case tokEnd:
		return "end of line"
	case tokWrong:
		return t.text
	}
	return strconv.Quote(t.text)
}

// operators in order of length, so that the first that fits is the longest.
var operators = []string{"s>>=", "<<=", ">>=", "s/=", "s%=", "s>=", "s<=",
	"+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "==", "!=", ">=", "<=", "s>", "s<",
	"=", "<", ">", "&", "+", "-", "*", "(", ")", "[", "]", ",", ":", "%", "#"}

func isNameStart(c byte) bool {
	return c == '_' || c == '.' || c == '$' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNamePart(c byte) bool { return isNameStart(c) || isDigit(c) }

// lex splits a line; the last token is tokEnd or tokWrong.
func lex(line string) []token {
	var toks []token
	for i := 0; ; {
		for i < len(line) && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r') {
			i++
		}
		if i == len(line) || startsComment(line, i) {
			return append(toks, token{tokEnd, "", i + 1})
		}
		t, n := next(line[i:])
		t.col = i + 1
		toks = append(toks, t)
		if t.kind == tokWrong {
			return toks
		}
		i += n
	}
}

// startsComment reports whether a comment starts at i. A # between a name and
// a digit is the number of a helper, as the kernel prints it.
func startsComment(line string, i int) bool {
	switch line[i] {
	case ';':
		return true
	case '/':
		return strings.HasPrefix(line[i:], "//")
	case '#':
		return i == 0 || !isNamePart(line[i-1]) || i+1 == len(line) || !isDigit(line[i+1])
	}
	return false
}

// next reads the token that s starts with and its length.
func next(s string) (t token, n int) {
	if s[0] == '"' {
		return quoted(s)
	}
	for _, op := range operators {
		if strings.HasPrefix(s, op) {
			return token{kind: tokOp, text: op}, len(op)
		}
	}
	if !isNamePart(s[0]) {
		return token{kind: tokWrong, text: fmt.Sprintf("character %q", []rune(s)[0])}, 0
	}
	for n = 1; n < len(s) && isNamePart(s[n]); n++ {
	}
	kind := tokName
	if isDigit(s[0]) {
		kind = tokNum
	}
	return token{kind: kind, text: s[:n]}, n
}

func quoted(s string) (t token, n int) {
	prefix, err := strconv.QuotedPrefix(s)
	if err != nil {
		return token{kind: tokWrong, text: "an unfinished string"}, 0
	}
	value, err := strconv.Unquote(prefix)
	if err != nil {
		return token{kind: tokWrong, text: "a malformed string"}, 0
	}
	return token{kind: tokStr, text: value}, len(prefix)
}

// number returns the value of a tokNum, decimal or 0x.
func number(text string) (x uint64, ok bool) {
	var err error
	if hex, isHex := strings.CutPrefix(strings.ToLower(text), "0x"); isHex {
		x, err = strconv.ParseUint(hex, 16, 64)
	} else {
		x, err = strconv.ParseUint(text, 10, 64)
	}
	return x, err == nil
}

// Comment returns the text of the comment that a line ends in, without its
// mark and outer blanks; "" if there is none. A mark inside a string does not
// count.
func Comment(line string) string {
	start := 0
	if toks := lex(line); len(toks) > 0 {
		start = toks[len(toks)-1].col - 1
	}
	return strings.TrimSpace(strings.TrimLeft(line[min(start, len(line)):], ";#/"))
}
