package desk

import (
	"testing"
	"time"
)

// However long a row takes, a turn soon takes about as long as it may, within the bounds of its rows.
func TestTurnsTakeTheirTime(t *testing.T) {
	for row, want := range map[time.Duration][2]int{
		time.Microsecond:       {maxTurn, maxTurn},
		100 * time.Microsecond: {125, 250},
		time.Millisecond:       {12, 25},
		time.Second:            {minTurn, minTurn},
	} {
		now, turn := time.Time{}, turn{}
		for range 20 {
			end := turn.measure(func() time.Time { return now })
			now = now.Add(time.Duration(turn.rows()) * row)
			end()
		}
		if n := turn.rows(); n < want[0] || n > want[1] {
			t.Errorf("with %s a row a turn has %d rows, want %v", row, n, want)
		}
	}
}
