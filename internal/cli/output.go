package cli

import (
	"encoding/json"
	"fmt"
	"io"
)

// checkOutput refuses an -o that is neither text nor json.
func checkOutput(output string) error {
	if output != "" && output != "json" {
		return fmt.Errorf("-o %s: the only other output is json", output)
	}
	return nil
}

// printJSON for programs, indented.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
