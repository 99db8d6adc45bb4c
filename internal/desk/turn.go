package desk

import (
	"cmp"
	"time"
)

const (
	// turnTime is how long a transaction of the desk's own is to take at most: whoever calls waits for it to end.
	turnTime = 25 * time.Millisecond
	// migrationTurnTime is that of a migration, which goes on for minutes: whoever calls waits for one to be committed, and is
	// committed with the next.
	migrationTurnTime = 10 * time.Millisecond
	// minTurn and maxTurn bound the rows it changes.
	minTurn, maxTurn = 10, 500
)

// turn bounds the transactions of a kind: how many rows the next takes up, by how long the last ones took, and when it leaves
// the rest of them. It is for one transaction at a time, and begins with what a slow machine can do.
type turn struct {
	time  time.Duration
	grown int
}

func (t *turn) rows() int { return cmp.Or(t.grown, 50) }

// begin a transaction, which asks before each row whether its time is over: rows may cost more than those of the last ones
// did. The first is always done. The function end ends it.
func (t *turn) begin(now func() time.Time) (over func() bool, end func()) {
	began, first := now(), true
	over = func() bool {
		defer func() { first = false }()
		return !first && now().Sub(began) > t.time
	}
	end = func() {
		switch took := now().Sub(began); {
		case took > t.time:
			t.grown = max(t.rows()/2, minTurn)
		case took < t.time/2:
			t.grown = min(t.rows()*2, maxTurn)
		}
	}
	return over, end
}

// budget is what is left of a turn.
type budget struct {
	rows int
	over func() bool
}

// take a row, unless the rest is for the next turn.
func (b *budget) take() bool {
	if b.rows <= 0 || b.over() {
		b.rows = 0
		return false
	}
	b.rows--
	return true
}
