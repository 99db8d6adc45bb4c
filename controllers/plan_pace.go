package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// restFactor is how many times as long as its last pass took a HelpDesk rests before the next. So a large organisation
	// that is applied object by object is compiled, pushed and activated a few times, and not with every object.
	restFactor = 4
	// restAtMost bounds the rest, however long a desk took to answer.
	restAtMost = 5 * time.Second
)

// pace remembers until when each HelpDesk rests.
type pace struct {
	mu    sync.Mutex
	rests map[types.NamespacedName]time.Time
}

// passed notes a pass from start to end.
func (p *pace) passed(helpDesk types.NamespacedName, start, end time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rests == nil {
		p.rests = map[types.NamespacedName]time.Time{}
	}
	p.rests[helpDesk] = end.Add(min(restFactor*end.Sub(start), restAtMost))
}

// left is how long the HelpDesk rests from now on; zero or less: not at all.
func (p *pace) left(helpDesk types.NamespacedName, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rests[helpDesk].Sub(now)
}

func (p *pace) forget(helpDesk types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rests, helpDesk)
}
