package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/hack/cluster/internal/cluster"
	"github.com/caseload-dev/caseload/hack/cluster/internal/machine"
)

func newCheck(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Tell what this machine has and lacks, and what up would change on it",
		Long: `Examines the machine and changes nothing. It fails if something is missing that up cannot get itself;
each finding says what to do.`,
		Args: cobra.NoArgs,
	}
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := o.cluster(cmd)
		if err != nil {
			return err
		}
		findings := examine(c)
		if *output == "json" {
			if err := printJSON(cmd, map[string]any{"findings": findings, "changes": c.Changes()}); err != nil {
				return err
			}
		} else {
			out := cmd.OutOrStdout()
			for _, finding := range findings {
				fmt.Fprintln(out, describe(finding))
			}
			fmt.Fprintf(out, "\nup changes on this machine:\n  - %s\n", strings.Join(c.Changes(), "\n  - "))
		}
		return missing(findings)
	}
	return cmd
}

func examine(c *cluster.Cluster) []machine.Finding {
	needs := machine.Needs{
		Dirs:  []string{c.Dir, c.Bin},
		Ports: map[int]string{},
		Ours:  func(name string) bool { _, running := c.Running(name); return running },
	}
	for _, component := range c.Components() {
		for _, port := range component.Ports {
			needs.Ports[port] = component.Name
		}
	}
	return machine.Check(needs)
}

func describe(f machine.Finding) string {
	mark := map[machine.Verdict]string{machine.OK: "✓", machine.Fixed: "+", machine.Warning: "!", machine.Missing: "✗"}[f.Verdict]
	line := fmt.Sprintf("%s %-18s %s", mark, f.Check, f.Found)
	if f.Remedy != "" {
		line += "\n" + strings.Repeat(" ", 21) + "→ " + f.Remedy
	}
	return line
}

// missing is the error of a machine that cannot run a cluster.
func missing(findings []machine.Finding) error {
	var lines []string
	for _, finding := range findings {
		if finding.Verdict == machine.Missing {
			lines = append(lines, describe(finding))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New("this machine cannot run the cluster:\n" + strings.Join(lines, "\n"))
}
