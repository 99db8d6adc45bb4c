package process

import (
	"bytes"
	"io"
	"os"
	"strings"
)

// Tail returns up to n last lines of a program's log since its last start.
func (m Manager) Tail(name string, n int) []string {
	file, err := os.Open(m.LogPath(name))
	if err != nil {
		return nil
	}
	defer file.Close()
	const window = 64 << 10
	if size, err := file.Seek(0, io.SeekEnd); err == nil {
		_, _ = file.Seek(max(0, size-window), io.SeekStart)
	}
	data, _ := io.ReadAll(file)
	if start := bytes.LastIndex(data, []byte("=== ")); start >= 0 {
		data = data[start:]
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return lines[max(0, len(lines)-n):]
}
