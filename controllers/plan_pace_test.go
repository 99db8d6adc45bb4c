package controllers

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestPaceRestsInProportion(t *testing.T) {
	var p pace
	desk, other := types.NamespacedName{Name: "acme"}, types.NamespacedName{Name: "other"}
	start := time.Now()
	for took, want := range map[time.Duration]time.Duration{
		0:               0,
		time.Second / 2: 2 * time.Second,
		time.Minute:     restAtMost,
	} {
		end := start.Add(took)
		p.passed(desk, start, end)
		if got := p.left(desk, end); got != want {
			t.Errorf("after a pass of %v it rests %v, want %v", took, got, want)
		}
		if got := p.left(desk, end.Add(want)); got > 0 {
			t.Errorf("after a rest of %v it rests %v more", want, got)
		}
		if got := p.left(other, end); got > 0 {
			t.Errorf("another HelpDesk rests %v", got)
		}
	}
	p.forget(desk)
	if got := p.left(desk, start); got > 0 {
		t.Errorf("a forgotten HelpDesk rests %v", got)
	}
}
