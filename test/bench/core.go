package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// measureCore runs the Go benchmarks of the pure packages.
func measureCore(ctx context.Context, _ options, t *table) error {
	for _, b := range []struct {
		what, pkg, figure, floor, of, unit string
		per                                time.Duration
		aim                                float64
	}{
		{"a ticket through 200 rules", "routing", "BenchmarkRoute/rules=200", "BenchmarkRoute/floor", "the same asked in plain Go", "µs", time.Microsecond, 50},
		{"dispatch of 1,000 tickets over 1,000 agents", "dispatch", "BenchmarkDecide", "BenchmarkDecideFloor", "sorted and written down", "ms", time.Millisecond, 10},
		{"compile of 5,000 agents and 500 queues", "plan", "BenchmarkCompile", "BenchmarkEncodeFloor", "each object encoded and hashed", "ms", time.Millisecond, 500},
		{"a year of business time added", "calendar", "BenchmarkAddYear", "BenchmarkAddYearFloor", "a year on the wall calendar added", "µs", time.Microsecond, 2},
		{"who is on call for 1,000 rotations", "oncall", "BenchmarkOn", "BenchmarkOnFloor", "1,000 clocks read", "ms", time.Millisecond, 2},
		{"a year of shifts of one rotation", "oncall", "BenchmarkShifts", "BenchmarkShiftsFloor", "a clock read at each", "ms", time.Millisecond, 1},
	} {
		results, err := goBenchmarks(ctx, "./internal/"+b.pkg, "^("+strings.SplitN(b.figure, "/", 2)[0]+"|"+strings.SplitN(b.floor, "/", 2)[0]+")$")
		if err != nil {
			return err
		}
		figure, floor := results[b.figure], results[b.floor]
		if figure == 0 || floor == 0 {
			return fmt.Errorf("%s has no results of %s and %s", b.pkg, b.figure, b.floor)
		}
		*t = append(*t, line{what: b.what, unit: b.unit, figure: figure / float64(b.per), floor: floor / float64(b.per), of: b.of, aim: b.aim, atMost: true})
	}
	return nil
}

// goBenchmarks of a package, in nanoseconds by name.
func goBenchmarks(ctx context.Context, pkg, pattern string) (map[string]float64, error) {
	command := exec.CommandContext(ctx, "go", "test", "-run=^$", "-bench="+pattern, "-benchtime=1s", pkg)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	results := map[string]float64{}
	for row := range bytes.Lines(out) {
		// BenchmarkName-2   100   12345 ns/op ...
		fields := strings.Fields(string(row))
		if len(fields) < 4 || fields[3] != "ns/op" {
			continue
		}
		name := fields[0]
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			name = name[:i]
		}
		if results[name], err = strconv.ParseFloat(fields[2], 64); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return results, nil
}
