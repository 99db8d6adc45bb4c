// Package dispatch decides which waiting ticket is offered to which agent, in order, with the reason for each.
package dispatch

import (
	"time"

	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Presence of an agent, as the agent or the desk set it.
type Presence string

const (
	// Available agents are offered tickets.
	Available Presence = "Available"
	// Busy agents are at work and take no further tickets.
	Busy Presence = "Busy"
	// Away agents are not at work for a stated reason.
	Away Presence = "Away"
	// WrapUp agents finish what the last ticket left to do.
	WrapUp Presence = "WrapUp"
	// Offline agents are not there. It is the presence of an agent never seen.
	Offline Presence = "Offline"
)

// Presences lists every presence.
var Presences = []Presence{Available, Busy, Away, WrapUp, Offline}

// AgentState is what changes about an agent while they work. The zero value with a name is an agent never seen.
type AgentState struct {
	Name     string    `json:"name"`
	Presence Presence  `json:"presence"`
	Reason   string    `json:"reason,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	// Version grows by one with every change.
	Version int64 `json:"version"`
	// Load counts the offered and open tickets per channel.
	Load map[string]int `json:"load,omitempty"`
	// Missed counts the offers in a row that expired.
	Missed int `json:"missed,omitempty"`
	// LastOfferAt is when the agent was last offered or assigned a ticket.
	LastOfferAt time.Time `json:"lastOfferAt,omitzero"`
	// IdleSince is when the agent last had nothing to do; zero while the agent has a ticket.
	IdleSince time.Time `json:"idleSince,omitzero"`
	// DutyChanges that the desk was told of, beside the absences that the agent declares, in the order told.
	DutyChanges []plan.DutyChange `json:"dutyChanges,omitempty"`
}

// Demand is a waiting ticket as dispatch sees it.
type Demand struct {
	Ticket   int64           `json:"ticket"`
	Version  int64           `json:"version"`
	Class    string          `json:"class"`
	Queue    string          `json:"queue"`
	Stage    int             `json:"stage,omitempty"` // of the queue's requirements
	Channel  string          `json:"channel"`
	Language string          `json:"language,omitempty"`
	Priority ticket.Priority `json:"priority"`
	// Due is the earliest due time that is not met; zero: none.
	Due      time.Time `json:"due,omitzero"`
	OpenedAt time.Time `json:"openedAt"`
	// Preferred agent, asked first when free: who had the ticket, else who last served its customer.
	Preferred string       `json:"preferred,omitempty"`
	Round     int          `json:"round"`
	Asks      []ticket.Ask `json:"asks,omitempty"`
}

// Decision gives a ticket to an agent.
type Decision struct {
	Ticket        int64  `json:"ticket"`
	TicketVersion int64  `json:"ticketVersion"`
	Agent         string `json:"agent"`
	// AgentVersion is the agent's version that the decision expects: each decision before it in the same run that chose the
	// agent counts as one change.
	AgentVersion int64  `json:"agentVersion"`
	Round        int    `json:"round"`
	OrderKey     string `json:"orderKey"`
	// Considered names the agents who could have taken it, the chosen one first; at most MaxConsidered.
	Considered []string `json:"considered"`
	Why        string   `json:"why"`
}

// MaxConsidered bounds the agents a decision names.
const MaxConsidered = 20

// PairPause is how long an agent is not asked again for a ticket they did not accept.
const PairPause = ticket.PairPause
