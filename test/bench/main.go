// Command bench measures Caseload on this machine and prints one table: each figure, a floor measured in the same run,
// their ratio, and the aim. docs/performance.md says how to read it.
//
// The desk and the queue worker it measures are processes of their own: this program started again as the command line of
// caseload, so that it can take a CPU profile of them. All of it talks over the loopback interface.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// large is the part that takes minutes and gigabytes of disk: it runs only when it is named.
const large = "large"

// options of a run.
type options struct {
	// only names the one part to run; empty: all.
	only string
	// profiles is the folder for the CPU profiles of desk and worker; empty: none.
	profiles string
	tickets  int
	rate     int
	seconds  int
}

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	var o options
	flag.StringVar(&o.only, "only", "", "one part: single, batch, latency, timers, escalations, core, manager or large; empty: all but large")
	flag.StringVar(&o.profiles, "profiles", "", "folder for the CPU profiles of desk and worker, one pair a part; empty: none")
	flag.IntVar(&o.tickets, "tickets", 20_000, "tickets of the parts single and batch, at most 24,000")
	flag.IntVar(&o.rate, "rate", 500, "tickets a second of the part latency")
	flag.IntVar(&o.seconds, "seconds", 10, "length of the part latency")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if most := agents*agentLimit - warmUp; o.tickets > most || o.rate*o.seconds > most {
		return fmt.Errorf("the agents have room for %d tickets", most)
	}
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o755); err != nil {
			return err
		}
	}
	start := time.Now()
	// Whatever else runs on the machine takes from figures and floors alike.
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Printf("load of the machine before: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
	}
	var t table
	for _, part := range []struct {
		name, what string
		measure    func(context.Context, options, *table) error
	}{
		{"single", "tickets posted one by one, from HTTPS to offered", measureSingle},
		{"batch", "tickets posted in batches", measureBatch},
		{"latency", "arrival to offer at a steady rate", measureLatency},
		{"timers", "timers at a steady rate", measureTimers},
		{"escalations", "escalations at once", measureEscalations},
		{"core", "routing, dispatch, compile, business time and on call", measureCore},
		{"manager", "the manager of 5,000 agents and 500 queues", measureManager},
		{large, "a million waiting tickets", measureLarge},
	} {
		if o.only != part.name && (o.only != "" || part.name == large) {
			continue
		}
		began := time.Now()
		if err := part.measure(ctx, o, &t); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		fmt.Fprintf(os.Stderr, "✓ %-50s %4.0fs\n", part.what, time.Since(began).Seconds())
	}
	if len(t) == 0 {
		return fmt.Errorf("there is no part %q: want single, batch, latency, timers, escalations, core, manager or large", o.only)
	}
	fmt.Printf("\n%d cores, %s/%s, %s; %.0f s\n\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), time.Since(start).Seconds())
	return t.print(os.Stdout)
}
