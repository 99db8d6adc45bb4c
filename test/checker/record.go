// Package checker proves from the desk's log alone that nothing was lost, nobody had two owners, no limit was exceeded,
// the order was kept, and every timer fired when it was due. It shares no code with what it checks: it reads the log's
// JSON and has its own idea of the rules.
package checker

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Record is one line of the log, as far as the checker reads it.
type Record struct {
	Seq          int64           `json:"seq"`
	At           time.Time       `json:"at"`
	Type         string          `json:"type"`
	Actor        string          `json:"actor"`
	Ticket       int64           `json:"ticket"`
	Version      int64           `json:"version"`
	From         *state          `json:"from"`
	To           *state          `json:"to"`
	PlanRevision int64           `json:"planRevision"`
	Agent        string          `json:"agent"`
	Dispatch     *decision       `json:"dispatch"`
	Timer        *timer          `json:"timer"`
	Clocks       []clockChange   `json:"clocks"`
	Data         json.RawMessage `json:"data"`
}

type state struct {
	Status     string    `json:"status"`
	Queue      string    `json:"queue"`
	Agent      string    `json:"agent"`
	Priority   string    `json:"priority"`
	Stage      int       `json:"stage"`
	Overflowed []string  `json:"overflowed"`
	WakeAt     time.Time `json:"wakeAt"`
	Wake       string    `json:"wake"`
}

type decision struct {
	Offer    int64     `json:"offer"`
	Until    time.Time `json:"until"`
	Position int64     `json:"position"`
	Pool     string    `json:"pool"`
	Epoch    int64     `json:"epoch"`
	Round    int       `json:"round"`
	Stage    int       `json:"stage"`
}

type timer struct {
	Kind string    `json:"kind"`
	Due  time.Time `json:"due"`
}

type planData struct {
	Queues map[string]planQueue `json:"queues"`
	Agents map[string]planAgent `json:"agents"`
	Pools  map[string][]string  `json:"pools"`
	// Calendars by which agents are on duty.
	Calendars map[string]*planCalendar `json:"calendars"`
}

type planQueue struct {
	Priority       int         `json:"priority"`
	Paused         bool        `json:"paused"`
	Relaxation     []planStage `json:"relaxation"`
	OverflowMillis int64       `json:"overflowMillis"`
	// Loans are when agents serve the queue who do not always do.
	Loans map[string][]span `json:"loans"`
	planStage
}

type planStage struct {
	AfterMillis   int64    `json:"afterMillis"`
	LanguageMatch string   `json:"languageMatch"`
	Agents        []string `json:"agents"`
}

// stage of the queue's requirements; the last of those it has if that is fewer.
func (q *planQueue) stage(n int) *planStage {
	if n = min(n, len(q.Relaxation)); n > 0 {
		return &q.Relaxation[n-1]
	}
	return &q.planStage
}

type planAgent struct {
	Languages []string       `json:"languages"`
	Limits    map[string]int `json:"limits"`
	// Schedule names the calendar of the agent's duty, or Rotation has them on duty while on call; both empty: around the clock.
	Schedule string      `json:"schedule"`
	Rotation string      `json:"rotation"`
	Absences []span      `json:"absences"`
	RampUp   *planRampUp `json:"rampUp"`
}

type openedData struct {
	Channel   string     `json:"channel"`
	Language  string     `json:"language"`
	Reference *Reference `json:"reference"`
}

// Reference is a ticket's identity in the system it came from.
type Reference struct {
	Source string `json:"source"`
	Key    string `json:"key"`
}

// Read a log of one record a line.
func Read(r io.Reader) ([]Record, error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 64<<20)
	var records []Record
	for scanner.Scan() {
		var record Record
		if err := json.Unmarshal(scanner.Bytes(), &record); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(records)+1, err)
		}
		records = append(records, record)
	}
	return records, scanner.Err()
}
