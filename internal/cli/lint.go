package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/internal/manifest"
)

func init() { commands = append(commands, newLint) }

// exitUsage is for what could not be checked at all; a failed check is 1.
const exitUsage = 2

func newLint() *cobra.Command {
	var output string
	var strict bool
	cmd := &cobra.Command{
		Use:     "lint PATH...",
		Short:   "Check manifests offline as a cluster would",
		GroupID: "check",
		Long: `Check manifests without a cluster: files, folders (every *.yaml, *.yml and *.json below them) and, as "-", the input.

Lint applies what a cluster would: the schema with its rules, by the code of the kube-apiserver under strict field
validation, and the compiler of the plan: references, selectors, routing rules, circles, who can serve what, and what will
come of rotations in the next weeks. Objects of other API groups are passed over. A namespace is a tenant; objects without one are in a namespace of their own.

Each problem is a line:  file:line kind/name field: message [reason]

The exit code is 0 if there is nothing to mend, 1 if there are problems, and 2 if a path cannot be read. Warnings are
understood and taken over by a cluster, but probably not meant: they count with --strict only.`,
		Example: `  caseload lint organisation/
  kustomize build overlays/prod | caseload lint --strict -
  caseload lint -o json organisation/ | jq '.problems[] | .object.name'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := checkOutput(output); err != nil {
				return usageError(cmd, err)
			}
			set, err := manifest.Load(paths, cmd.InOrStdin())
			if err != nil {
				return usageError(cmd, err)
			}
			set.Now = time.Now()
			report := newLintReport(set)
			if err := report.write(cmd.OutOrStdout(), output); err != nil {
				return err
			}
			if report.Errors > 0 || strict && report.Warnings > 0 {
				return exitError{1}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "json for a report that programs read")
	cmd.Flags().BoolVar(&strict, "strict", false, "let warnings fail the check, too")
	return cmd
}

// lintReport is what lint found.
type lintReport struct {
	Files    int                `json:"files"`
	Objects  int                `json:"objects"`
	Ignored  int                `json:"ignored"`
	Errors   int                `json:"errors"`
	Warnings int                `json:"warnings"`
	Problems []manifest.Problem `json:"problems"`
}

func newLintReport(set *manifest.Set) lintReport {
	r := lintReport{Files: set.Files, Objects: set.Objects(), Ignored: set.Ignored, Problems: set.Check()}
	if r.Problems == nil {
		r.Problems = []manifest.Problem{}
	}
	for _, p := range r.Problems {
		if p.Warning {
			r.Warnings++
		} else {
			r.Errors++
		}
	}
	return r
}

func (r lintReport) write(w io.Writer, output string) error {
	if output == "json" {
		return printJSON(w, r)
	}
	for _, p := range r.Problems {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	summary := fmt.Sprintf("%s in %s: %s, %s", count(r.Objects, "object"), count(r.Files, "file"), count(r.Errors, "problem"), count(r.Warnings, "warning"))
	if r.Ignored > 0 {
		summary += fmt.Sprintf("; %s of other API groups passed over", count(r.Ignored, "object"))
	}
	_, err := fmt.Fprintln(w, summary)
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// usageError shows the error and exits with exitUsage.
func usageError(cmd *cobra.Command, err error) error {
	fmt.Fprintln(cmd.ErrOrStderr(), "Error:", err)
	return exitError{exitUsage}
}
