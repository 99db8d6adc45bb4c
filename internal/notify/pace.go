package notify

import (
	"maps"
	"time"
)

const (
	// paceBurst is how many messages an address gets at once, and paceEvery how long it then rests before the next.
	paceBurst = 5
	paceEvery = 15 * time.Second
	// DigestFrom is the number of messages for one address, due at once, from which they become one, and MaxDigest how
	// many of them at most.
	DigestFrom = 4
	MaxDigest  = 200
)

// Pace keeps each address from being flooded: a few messages at once, then one at a time with a pause between. It forgets
// addresses that have rested. The zero value is ready.
type Pace struct {
	// rested is when an address will have rested from all that it got, swept of those who have.
	rested map[string]time.Time
	swept  time.Time
}

// Next says when the address may get its next message: now, or later.
func (p *Pace) Next(address string, now time.Time) time.Time {
	next := p.rested[address].Add(-(paceBurst - 1) * paceEvery)
	if next.Before(now) {
		return now
	}
	return next
}

// Took notes that the address gets a message now.
func (p *Pace) Took(address string, now time.Time) {
	if p.rested == nil {
		p.rested = map[string]time.Time{}
	}
	if now.Sub(p.swept) >= paceEvery {
		maps.DeleteFunc(p.rested, func(_ string, rested time.Time) bool { return !rested.After(now) })
		p.swept = now
	}
	from := now
	if rested := p.rested[address]; rested.After(now) {
		from = rested
	}
	p.rested[address] = from.Add(paceEvery)
}
