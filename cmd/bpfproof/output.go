package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// printer prints answers: one JSON object a line, or text.
type printer struct {
	w    io.Writer
	json bool
}

func newPrinter(cmd *cobra.Command, asJSON bool) *printer {
	return &printer{w: cmd.OutOrStdout(), json: asJSON}
}

// answer prints v as JSON, or text if JSON was not asked for.
func (p *printer) answer(v any, text string) error {
	if !p.json {
		_, err := fmt.Fprintln(p.w, text)
		return err
	}
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = p.w.Write(append(line, '\n'))
	return err
}

func jsonFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "print one JSON object a program, on one line")
}
