package jitproof

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Encode returns the certificate as one line of JSON, sealed.
func (c *Certificate) Encode() ([]byte, error) {
	sealed := *c
	var err error
	if sealed.Seal, err = c.seal(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(&sealed)
	if err != nil {
		return nil, fmt.Errorf("jitproof: encode certificate: %w", err)
	}
	return append(b, '\n'), nil
}

// seal returns the hash of the certificate's encoding without its seal.
func (c *Certificate) seal() (string, error) {
	bare := *c
	bare.Seal = ""
	b, err := json.Marshal(&bare)
	if err != nil {
		return "", fmt.Errorf("jitproof: encode certificate: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Decode reads a certificate that Encode wrote. Unknown fields, another schema,
// a seal that does not fit, and any other way to write the same are errors;
// only space between the parts is free. What it returns is well-formed, and
// nothing in it is to be believed before Check.
func Decode(data []byte) (*Certificate, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	c := &Certificate{}
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("jitproof: decode certificate: offset %d: %w", d.InputOffset(), err)
	}
	if rest := bytes.TrimSpace(data[d.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("jitproof: decode certificate: offset %d: data behind its end", d.InputOffset())
	}
	if c.Schema != Schema {
		return nil, fmt.Errorf("jitproof: decode certificate: schema %d, want %d", c.Schema, Schema)
	}
	if err := c.unbroken(data); err != nil {
		return nil, fmt.Errorf("jitproof: decode certificate: %w", err)
	}
	return c, nil
}

// unbroken reports how data, from which c was read, is not what was written.
func (c *Certificate) unbroken(data []byte) error {
	seal, err := c.seal()
	if err != nil {
		return err
	}
	if seal != c.Seal {
		return fmt.Errorf("it is damaged: its seal is %.16s, its content has %.16s", c.Seal, seal)
	}
	want, err := c.Encode()
	if err != nil {
		return err
	}
	var got bytes.Buffer
	if err := json.Compact(&got, data); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), bytes.TrimSpace(want)) {
		return fmt.Errorf("it is damaged: it is not written as certificates are")
	}
	return nil
}
