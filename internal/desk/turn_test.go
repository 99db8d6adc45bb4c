package desk

import (
	"testing"
	"time"
)

// However long a row takes, a turn soon takes about as long as it may, within the bounds of its rows.
func TestTurnsTakeTheirTime(t *testing.T) {
	for row, want := range map[time.Duration][2]int{
		time.Microsecond:       {maxTurn, maxTurn},
		100 * time.Microsecond: {75, 150},
		time.Millisecond:       {minTurn, 15},
		time.Second:            {minTurn, minTurn},
	} {
		now, turn := time.Time{}, turn{time: 15 * time.Millisecond}
		for range 20 {
			_, end := turn.begin(func() time.Time { return now })
			now = now.Add(time.Duration(turn.rows()) * row)
			end()
		}
		if n := turn.rows(); n < want[0] || n > want[1] {
			t.Errorf("with %s a row a turn has %d rows, want %v", row, n, want)
		}
	}
}

// Whatever the rows before cost, a turn ends soon after its time is over, and gets somewhere.
func TestTurnLeavesWhatTakesTooLong(t *testing.T) {
	for row, want := range map[time.Duration]int{time.Millisecond: 16, 10 * time.Millisecond: 2, time.Second: 1} {
		now, turn := time.Time{}, turn{time: 15 * time.Millisecond, grown: maxTurn}
		over, end := turn.begin(func() time.Time { return now })
		left := budget{rows: turn.rows(), over: over}
		done := 0
		for ; left.take(); done++ {
			now = now.Add(row)
		}
		end()
		if done != want || turn.rows() >= maxTurn || left.take() {
			t.Errorf("with %s a row a turn did %d rows, want %d, and the next has %d", row, done, want, turn.rows())
		}
	}
	left, taken := budget{rows: 2, over: func() bool { return false }}, 0
	for left.take() {
		taken++
	}
	if taken != 2 {
		t.Errorf("of a turn of two rows %d are taken", taken)
	}
}
