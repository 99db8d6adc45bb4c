package desk

// AgentOf gives the agent of the active plan that a user may act as; empty: none. Namespace is the HelpDesk's.
func (d *Desk) AgentOf(namespace, user string) string {
	return d.plan.Load().AgentOf(namespace, user)
}
