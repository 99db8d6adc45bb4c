package plan

import (
	"maps"
	"slices"
)

// circles finds the nodes that can be reached from themselves and, for each, a shortest way round: it begins and ends with
// the node.
func circles(next map[string][]string) map[string][]string {
	next = trim(next)
	found := map[string][]string{}
	for start := range next {
		if way := wayBack(next, start); way != nil {
			found[start] = way
		}
	}
	return found
}

// trim takes out what leads nowhere, until only circles are left and what leads to them: usually nothing.
func trim(next map[string][]string) map[string][]string {
	next = maps.Clone(next)
	previous := map[string][]string{}
	left := map[string]int{}
	for node, successors := range next {
		for _, s := range successors {
			if _, ok := next[s]; ok {
				previous[s] = append(previous[s], node)
				left[node]++
			}
		}
	}
	var ends []string
	for node := range next {
		if left[node] == 0 {
			ends = append(ends, node)
		}
	}
	for len(ends) > 0 {
		end := ends[len(ends)-1]
		ends = ends[:len(ends)-1]
		delete(next, end)
		for _, p := range previous[end] {
			if left[p]--; left[p] == 0 {
				ends = append(ends, p)
			}
		}
	}
	return next
}

// wayBack searches breadth first, in the order of the successors.
func wayBack(next map[string][]string, start string) []string {
	from := map[string]string{}
	for frontier := []string{start}; len(frontier) > 0; frontier = frontier[1:] {
		node := frontier[0]
		for _, s := range next[node] {
			if _, seen := from[s]; seen {
				continue
			}
			from[s] = node
			if s != start {
				frontier = append(frontier, s)
				continue
			}
			way := []string{start}
			for n := from[start]; n != start; n = from[n] {
				way = append(way, n)
			}
			way = append(way, start)
			slices.Reverse(way)
			return way
		}
	}
	return nil
}
