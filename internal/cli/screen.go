package cli

import (
	"bytes"
	"context"
	"os"
	"strings"

	"golang.org/x/term"
)

// Keys that a terminal in raw mode sends as control characters.
const (
	ctrlC     = 3
	ctrlD     = 4
	enter     = '\r'
	escape    = 27
	backspace = 127
)

// screen is a terminal that is drawn whole, in its alternate buffer, and read key by key.
type screen struct {
	out   *os.File
	state *term.State
}

// openScreen takes the terminal over; close gives it back as it was.
func openScreen(out *os.File) (*screen, error) {
	s := &screen{out: out}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		state, err := term.MakeRaw(int(os.Stdin.Fd()))
		if err != nil {
			return nil, err
		}
		s.state = state
	}
	_, err := out.WriteString("\x1b[?1049h\x1b[?25l")
	return s, err
}

func (s *screen) close() {
	_, _ = s.out.WriteString("\x1b[?25h\x1b[?1049l")
	if s.state != nil {
		_ = term.Restore(int(os.Stdin.Fd()), s.state)
	}
}

// size of the terminal now, in characters.
func (s *screen) size() (width, height int) {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// draw replaces what is shown, cut to the terminal's size.
func (s *screen) draw(text string) {
	width, height := s.size()
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > height {
		// The last line says what one can do, so it stays.
		lines = append(lines[:height-1], lines[len(lines)-1])
	}
	var b bytes.Buffer
	b.WriteString("\x1b[H")
	for i, line := range lines {
		if runes := []rune(line); len(runes) > width {
			line = string(runes[:width])
		}
		b.WriteString(line + "\x1b[K")
		if i < len(lines)-1 {
			b.WriteString("\r\n")
		}
	}
	b.WriteString("\x1b[J")
	_, _ = s.out.Write(b.Bytes())
}

// keys are typed characters, until ctx ends or the input does. The last read outlives ctx: the process ends with it.
func (s *screen) keys(ctx context.Context) <-chan rune {
	keys := make(chan rune)
	go func() {
		defer close(keys)
		buffer := make([]byte, 64)
		for {
			n, err := os.Stdin.Read(buffer)
			if err != nil {
				return
			}
			for _, key := range string(buffer[:n]) {
				select {
				case keys <- key:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return keys
}
