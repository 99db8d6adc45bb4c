package plan

import (
	"maps"
	"slices"
)

// pools joins queues that share agents, directly or by a chain of others (union-find), and enters each queue's pool.
// Queues that nobody can serve are in none.
func pools(queues map[string]*Queue) map[string]*Pool {
	parent := map[string]string{}
	root := func(name string) string {
		for parent[name] != name {
			parent[name] = parent[parent[name]]
			name = parent[name]
		}
		return name
	}
	names := slices.Sorted(maps.Keys(queues))
	queueOf := map[string]string{} // a queue of each agent
	for _, name := range names {
		parent[name] = name
		for _, agent := range queues[name].Agents {
			other, ok := queueOf[agent]
			if !ok {
				queueOf[agent] = name
				continue
			}
			// The root is the first by name, which names the pool.
			a, b := root(name), root(other)
			parent[max(a, b)] = min(a, b)
		}
	}

	all := map[string]*Pool{}
	for _, name := range names {
		q := queues[name]
		if len(q.Agents) == 0 {
			continue
		}
		q.Pool = root(name)
		pool := all[q.Pool]
		if pool == nil {
			pool = &Pool{Name: q.Pool}
			all[q.Pool] = pool
		}
		pool.Queues = append(pool.Queues, name)
		if !slices.Contains(pool.Tiers, q.Tier) {
			pool.Tiers = append(pool.Tiers, q.Tier)
		}
	}
	for agent, queue := range queueOf {
		pool := all[queues[queue].Pool]
		pool.Agents = append(pool.Agents, agent)
	}
	for _, pool := range all {
		slices.Sort(pool.Tiers)
		slices.Sort(pool.Agents)
	}
	return all
}
