package desk

import (
	"testing"

	"github.com/caseload-dev/caseload/internal/eventlog"
)

func TestRecentRecordsAreAllOrNone(t *testing.T) {
	n := newRecent(10)
	for seq := int64(11); seq <= 20; seq++ {
		n.mark(&eventlog.Record{Seq: seq, Ticket: 1})
	}
	n.mark(&eventlog.Record{Seq: 20, Ticket: 2}) // the first with this number was rolled back
	n.mark(&eventlog.Record{Seq: 22, Ticket: 3})
	for name, tc := range map[string]struct {
		after, upTo int64
		want        int
	}{
		"known":            {10, 20, 10},
		"a part":           {15, 18, 3},
		"none":             {20, 20, 0},
		"before the start": {9, 20, 0},
		"a gap":            {18, 22, 0},
		"not yet":          {15, 30, 0},
	} {
		if got := n.records(tc.after, tc.upTo); len(got) != tc.want {
			t.Errorf("%s: %d records behind %d up to %d, want %d", name, len(got), tc.after, tc.upTo, tc.want)
		}
	}
	if got := n.records(19, 20); len(got) != 1 || got[0].Ticket != 2 {
		t.Errorf("record 20 is %+v, want the one that took its number last", got)
	}
	for seq := int64(21); seq <= 20+maxRecent; seq++ {
		n.mark(&eventlog.Record{Seq: seq, Ticket: 4})
	}
	if got := n.records(19, 25); len(got) != 0 {
		t.Errorf("%d records although the first is forgotten", len(got))
	}
	if got := n.records(20, 20+maxRecent); len(got) != maxRecent {
		t.Errorf("%d of the last %d records", len(got), maxRecent)
	}
}
