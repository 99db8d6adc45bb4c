package desk

import "time"

// ZoneOf an agent of the active plan, in which they are told times.
func (d *Desk) ZoneOf(agent string) *time.Location { return d.plan.Load().ZoneOf(agent) }

// AgentOf gives the agent of the active plan that a user may act as; empty: none. Namespace is the HelpDesk's.
func (d *Desk) AgentOf(namespace, user string) string {
	return d.plan.Load().AgentOf(namespace, user)
}
