package desk

import (
	"cmp"
	"time"
)

const (
	// turnTime is how long a transaction of the desk's own is to take at most: whoever calls waits for it to end.
	turnTime = 25 * time.Millisecond
	// minTurn and maxTurn bound the rows it changes.
	minTurn, maxTurn = 10, 500
)

// turn is how many rows the next transaction of a kind changes, by how long the last ones took. It is for one transaction at
// a time. The zero value begins with what a slow machine can do.
type turn struct{ grown int }

func (t *turn) rows() int { return cmp.Or(t.grown, 50) }

// measure a transaction; the function returned ends it.
func (t *turn) measure(now func() time.Time) func() {
	began := now()
	return func() {
		switch took := now().Sub(began); {
		case took > turnTime:
			t.grown = max(t.rows()/2, minTurn)
		case took < turnTime/2:
			t.grown = min(t.rows()*2, maxTurn)
		}
	}
}
