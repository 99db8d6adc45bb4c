package process

import (
	"bytes"
	"io"
	"os"
	"strings"
)

const maxLog = 32 << 20

// rotate puts a long log aside, so that logs take a bounded room. One former log is kept.
func (m Manager) rotate(name string) error {
	path := m.LogPath(name)
	if info, err := os.Stat(path); err != nil || info.Size() < maxLog {
		return nil
	}
	return os.Rename(path, path+".1")
}

// Tail returns up to n lines of a program's log since its last start: the last ones, or the first of its panic.
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
	for i, line := range lines {
		// A panic says its reason first.
		if strings.HasPrefix(line, "panic: ") {
			return lines[i:min(len(lines), i+n)]
		}
	}
	return lines[max(0, len(lines)-n):]
}
