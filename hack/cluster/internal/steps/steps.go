// Package steps tells a person what is being done and how long it took.
package steps

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Printer writes one line a finished step. Steps may run side by side.
type Printer struct {
	out io.Writer
	mu  sync.Mutex
}

// NewPrinter prints to out.
func NewPrinter(out io.Writer) *Printer { return &Printer{out: out} }

// Title prints a heading.
func (p *Printer) Title(format string, args ...any) { p.line(format, args...) }

// Note prints an indented remark.
func (p *Printer) Note(format string, args ...any) { p.line("  "+format, args...) }

// Run does the step and prints its outcome: done's text and the time, or a cross and the time. A step that takes long
// says every 30 s that it still runs.
func (p *Printer) Run(name string, do func() (done string, err error)) error {
	begin := time.Now()
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		tick := time.NewTicker(30 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-finished:
				return
			case <-tick.C:
				p.line("… %s: %.0f s so far", name, time.Since(begin).Seconds())
			}
		}
	}()
	done, err := do()
	if err != nil {
		p.line("✗ %-40s %6.1fs", name+" failed", time.Since(begin).Seconds())
		return err
	}
	p.line("✓ %-40s %6.1fs", name+" "+done, time.Since(begin).Seconds())
	return nil
}

func (p *Printer) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}
