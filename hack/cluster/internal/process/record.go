package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Record identifies one process for good: an id is reused, an id with its start time and boot is not.
type Record struct {
	Name   string `json:"name"`
	PID    int    `json:"pid"`
	Start  uint64 `json:"start"` // clock ticks from boot, from /proc/PID/stat
	Boot   string `json:"boot"`  // the kernel's boot id
	Digest string `json:"digest"`
}

// describe makes the record of a live process.
func describe(pid int) (Record, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Record{}, err
	}
	state, start, err := parseStat(string(stat))
	if err != nil {
		return Record{}, err
	}
	if (state == "Z" || state == "X") && !hasThreads(pid) {
		return Record{}, fmt.Errorf("process %d has ended", pid)
	}
	boot, err := BootID()
	if err != nil {
		return Record{}, err
	}
	return Record{PID: pid, Start: start, Boot: boot}, nil
}

// hasThreads tells whether any but the first thread of a process lives. While one does, the process still holds its ports.
func hasThreads(pid int) bool {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return err == nil && len(threads) > 1
}

// BootID names the kernel's current boot.
func BootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id)), err
}

func (r Record) alive() bool {
	now, err := describe(r.PID)
	return err == nil && now.Start == r.Start && now.Boot == r.Boot
}

// parseStat reads the state and start time of a /proc/PID/stat line. The command name, in parentheses, may itself
// hold spaces and parentheses, so fields are counted from the last one.
func parseStat(line string) (state string, start uint64, err error) {
	end := strings.LastIndexByte(line, ')')
	if end < 0 {
		return "", 0, fmt.Errorf("no command name in process status %q", line)
	}
	fields := strings.Fields(line[end+1:])
	const stateField, startField = 0, 19 // fields 3 and 22 of proc(5)
	if len(fields) <= startField {
		return "", 0, fmt.Errorf("short process status %q", line)
	}
	start, err = strconv.ParseUint(fields[startField], 10, 64)
	return fields[stateField], start, err
}

func readRecord(path string) (Record, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Record{}, err
	}
	var record Record
	if err := json.Unmarshal(data, &record); err != nil {
		return Record{}, fmt.Errorf("%s: %w", path, err)
	}
	return record, nil
}

// write replaces the record whole, so that a crash leaves the old one or the new one.
func (r Record) write(path string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
