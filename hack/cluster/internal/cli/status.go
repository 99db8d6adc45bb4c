package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/hack/cluster/internal/cluster"
)

// componentStatus is what status tells of one component.
type componentStatus struct {
	Name    string `json:"name"`
	State   string `json:"state"` // Ready, NotReady or Stopped
	PID     int    `json:"pid,omitempty"`
	Problem string `json:"problem,omitempty"`
	Log     string `json:"log"`
}

func newStatus(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell which components run and are ready; fails unless all are",
		Args:  cobra.NoArgs,
	}
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := o.cluster(cmd)
		if err != nil {
			return err
		}
		if os.Geteuid() != 0 {
			return errors.New("status needs root, like the cluster itself")
		}
		if !c.Exists() {
			return fmt.Errorf("there is no cluster in %s: start one with up", c.Dir)
		}
		statuses := probeAll(cmd.Context(), c)
		if *output == "json" {
			err = printJSON(cmd, map[string]any{"kubeconfig": c.Kubeconfig(), "auditLog": c.AuditLog(), "binaries": c.Bin, "components": statuses})
		} else {
			err = printStatuses(cmd, c, statuses)
		}
		if err != nil {
			return err
		}
		for _, status := range statuses {
			if status.State != "Ready" {
				return fmt.Errorf("%s is %s: up starts what is missing", status.Name, status.State)
			}
		}
		return nil
	}
	return cmd
}

func probeAll(ctx context.Context, c *cluster.Cluster) []componentStatus {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var statuses []componentStatus
	for _, component := range c.Components() {
		status := componentStatus{Name: component.Name, State: "Stopped", Log: c.LogPath(component.Name)}
		if pid, running := c.Running(component.Name); running {
			status.State, status.PID = "Ready", pid
			if err := component.Probe(ctx); err != nil {
				status.State, status.Problem = "NotReady", err.Error()
			}
		}
		statuses = append(statuses, status)
	}
	return statuses
}

func printStatuses(cmd *cobra.Command, c *cluster.Cluster, statuses []componentStatus) error {
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COMPONENT\tSTATE\tPID\tLOG")
	for _, s := range statuses {
		pid := "-"
		if s.PID != 0 {
			pid = fmt.Sprint(s.PID)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.Name, s.State, pid, s.Log)
		if s.Problem != "" {
			fmt.Fprintf(table, "\t%s\n", s.Problem)
		}
	}
	fmt.Fprintf(table, "\nKUBECONFIG=%s\n", c.Kubeconfig())
	return table.Flush()
}

func newLogs(o *options) *cobra.Command {
	var lines int
	var follow bool
	cmd := &cobra.Command{
		Use:     "logs COMPONENT",
		Short:   "Show a component's log",
		Example: "  go run . logs kubelet --lines 200 --follow",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.cluster(cmd)
			if err != nil {
				return err
			}
			component, err := c.Find(args[0])
			if err != nil {
				return err
			}
			path := c.LogPath(component.Name)
			if _, err := os.Stat(path); err != nil {
				return fmt.Errorf("%s has no log yet: %w", component.Name, err)
			}
			tail := []string{"-n", fmt.Sprint(lines), path}
			if follow {
				tail = append([]string{"-F"}, tail...)
			}
			return show(cmd.Context(), cmd.OutOrStdout(), tail)
		},
	}
	cmd.Flags().IntVar(&lines, "lines", 50, "how many of the last lines")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on showing lines as they come")
	return cmd
}

func show(ctx context.Context, out io.Writer, tail []string) error {
	command := exec.CommandContext(ctx, "tail", tail...)
	command.Stdout, command.Stderr = out, out
	err := command.Run()
	if ctx.Err() != nil {
		return nil // the person has seen enough
	}
	return err
}
