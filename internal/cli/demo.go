package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/caseload-dev/caseload/config/samples"
	"github.com/caseload-dev/caseload/internal/demo"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/manifest"
)

func init() { commands = append(commands, newDemo) }

// loadFlags say how busy the demo is.
type loadFlags struct{ options demo.LoadOptions }

func (f *loadFlags) bind(flags *pflag.FlagSet) {
	flags.Float64Var(&f.options.Rate, "rate", 30, "tickets that customers open a minute")
	flags.DurationVar(&f.options.Think, "think", 8*time.Second, "mean time that agents work on a ticket")
	flags.IntVar(&f.options.MaxLive, "max-live", 500, "tickets under way at which customers hold back")
}

func newDemo() *cobra.Command {
	var o demo.Options
	var load loadFlags
	var quiet bool
	cmd := &cobra.Command{
		Use:     "demo [PATH...]",
		Short:   "Run an organisation in one process: no cluster, no root",
		GroupID: "run",
		Long: `Run desk and queue workers of a support organisation in this process, from manifest files or folders, or from the
built-in three-tier sample. Customers and agents are played, so that tickets move from intake to closed by themselves.
It serves on the loopback interface only.

Changed files are read again: an object that is wrong keeps its last good version, and what is wrong with it is said as
"caseload lint" says it. Work as one of the agents with "caseload work": while you do, nobody plays them.`,
		Example: `  caseload demo
  caseload demo organisation/ --rate 120 --data ./state
  caseload demo organisation/ --rate 0       # nobody is played`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			o.Paths = paths
			return runDemo(cmd, o, load.options, quiet)
		},
	}
	load.bind(cmd.Flags())
	cmd.Flags().StringVar(&o.HelpDesk, "help-desk", "", "HelpDesk to run, if the files have several")
	cmd.Flags().StringVar(&o.Data, "data", "", "folder of the store, kept afterwards (default: a temporary one)")
	cmd.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:0", "loopback address of the API")
	cmd.Flags().StringVar(&o.NotifiersDir, "notifiers-dir", "", "folder with a file for each notifier of the HelpDesk, which has the URL of its service")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "only say where it is, and what is wrong")
	cmd.AddCommand(newDemoLoad())
	return cmd
}

func newDemoLoad() *cobra.Command {
	var connect connectFlags
	var load loadFlags
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Play customers and agents on a desk that runs",
		Long: `Play the customers and the agents of a desk, as caseload demo does: customers open tickets of the kinds that the
routing rules tell apart, agents come to work and accept, transfer, pend and resolve. Agents at whose work somebody real
is are left alone. Not for a desk that real customers use. It takes the permissions to open tickets, to put customers,
to impersonate agents, and to read tickets, agents, plans and events.`,
		Example: `  caseload demo load -n support --rate 120`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			desk, stop, err := connect.dial(cmd)
			if err != nil {
				return err
			}
			defer stop()
			load.options.Desk = desk
			load.options.Logger = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			fmt.Fprintf(cmd.OutOrStdout(), "Playing customers, %g tickets a minute, and agents. Ctrl-C ends it.\n", load.options.Rate)
			return demo.NewLoad(load.options).Run(cmd.Context())
		},
	}
	connect.bind(cmd.Flags())
	load.bind(cmd.Flags())
	return cmd
}

func runDemo(cmd *cobra.Command, o demo.Options, load demo.LoadOptions, quiet bool) (err error) {
	// The end of the terminal is an end like any other, so that nothing is left behind.
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
	defer stop()
	files, err := fs.Sub(samples.FS, "three-tier")
	if err != nil {
		return err
	}
	o.Files = files
	if o.Data == "" {
		if o.Data, err = os.MkdirTemp("", "caseload-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.Data)) }()
	}
	notes := &notes{}
	o.Logger = slog.New(slog.NewTextHandler(notes, &slog.HandlerOptions{Level: slog.LevelWarn}))
	o.Changed = notes.changed
	d, err := demo.Start(ctx, o)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	intro := demoIntro(d)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.Run(ctx) })
	if load.Rate > 0 {
		load.Desk, load.Logger = d.Desk, o.Logger
		g.Go(func() error { return demo.NewLoad(load).Run(ctx) })
	}
	g.Go(func() error {
		// Whoever looks decides when it ends.
		defer stop()
		terminal, isFile := out.(*os.File)
		if !quiet && isFile && term.IsTerminal(int(terminal.Fd())) {
			return liveTop(ctx, d.Desk, terminal, time.Second, func() string { return intro + notes.text() + "\n" })
		}
		fmt.Fprint(out, intro)
		return tellDemo(ctx, out, d.Desk, notes, quiet)
	})
	return g.Wait()
}

func demoIntro(d *demo.Demo) string {
	token, err := filepath.Abs(d.TokenFile)
	if err != nil {
		token = d.TokenFile
	}
	return fmt.Sprintf(`The desk serves at %s; look at it from another terminal:
  export CASELOAD_URL=%s CASELOAD_TOKEN=$(cat %s)
  caseload top
  caseload ticket show 1                 # which rule decided, who was asked and why
  caseload work --as-agent %-12s # accept, transfer, resolve: you are one of the agents

`, d.URL, d.URL, token, d.SomeAgent())
}

// tellDemo prints a line now and then, where there is no terminal to draw in.
func tellDemo(ctx context.Context, out io.Writer, desk api.Service, notes *notes, quiet bool) error {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	said := ""
	for {
		if text := notes.text(); text != said {
			said = text
			fmt.Fprint(out, text)
		}
		if !quiet {
			if o, err := desk.Overview(ctx, api.Call{}); err == nil {
				fmt.Fprintln(out, demoLine(o))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-notes.news():
		case <-tick.C:
		}
	}
}

func demoLine(o *api.Overview) string {
	var waiting, offered, open, pending, resolved, present int
	for _, q := range o.Queues {
		waiting, offered, open = waiting+q.Waiting, offered+q.Offered, open+q.Open
		pending, resolved = pending+q.Pending+q.OnHold, resolved+q.Resolved
	}
	for _, t := range o.Teams {
		present += t.Present
	}
	return fmt.Sprintf("%s  %d agents present  %d waiting  %d offered  %d open  %d pending or on hold  %d resolved",
		o.Now.Local().Format(time.TimeOnly), present, waiting, offered, open, pending, resolved)
}

// notes are what the demo has to say beside its picture: problems of the manifests, and the last warnings.
type notes struct {
	mu       sync.Mutex
	manifest string
	warnings []string
	changes  chan struct{}
}

const keptWarnings = 3

func (n *notes) changed(problems []manifest.Problem, revision int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.manifest = ""
	for _, p := range problems {
		n.manifest += p.String() + "\n"
	}
	if revision > 1 || n.manifest != "" {
		n.manifest += fmt.Sprintf("Plan %d is in force.\n", revision)
	}
	n.wake()
}

// Write takes a line of the log.
func (n *notes) Write(line []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.warnings = append(n.warnings, string(line))
	n.warnings = n.warnings[max(0, len(n.warnings)-keptWarnings):]
	n.wake()
	return len(line), nil
}

// wake whoever waits for news. The caller holds mu.
func (n *notes) wake() {
	if n.changes != nil {
		close(n.changes)
		n.changes = nil
	}
}

func (n *notes) news() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changes == nil {
		n.changes = make(chan struct{})
	}
	return n.changes
}

func (n *notes) text() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.manifest + strings.Join(n.warnings, "")
}
