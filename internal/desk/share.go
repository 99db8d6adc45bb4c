package desk

import (
	"maps"
	"slices"

	"github.com/caseload-dev/caseload/internal/plan"
)

// share says which worker holds which pool. A worker fits a pool of its tier. Who holds a pool keeps it unless another
// fitting worker has at least two fewer, so the numbers of those who could swap differ by at most one.
func share(pools map[string]*plan.Pool, tiers map[string]string, held map[string]string) map[string]string {
	workers := slices.Sorted(maps.Keys(tiers))
	count := map[string]int{}
	holder := map[string]string{}
	fits := func(worker string, pool *plan.Pool) bool { return slices.Contains(pool.Tiers, tiers[worker]) }
	give := func(pool, worker string) {
		if before := holder[pool]; before != "" {
			count[before]--
		}
		holder[pool] = worker
		count[worker]++
	}
	// poorest fitting worker, the first by name of several; empty if none fits.
	poorest := func(pool *plan.Pool) (poorest string) {
		for _, worker := range workers {
			if fits(worker, pool) && (poorest == "" || count[worker] < count[poorest]) {
				poorest = worker
			}
		}
		return poorest
	}

	names := slices.Sorted(maps.Keys(pools))
	for _, name := range names {
		if worker, ok := held[name]; ok && tiers[worker] != "" && fits(worker, pools[name]) {
			give(name, worker)
		}
	}
	for _, name := range names {
		if worker := poorest(pools[name]); holder[name] == "" && worker != "" {
			give(name, worker)
		}
	}
	for moved := true; moved; {
		moved = false
		for _, name := range names {
			if worker := poorest(pools[name]); worker != "" && count[worker]+1 < count[holder[name]] {
				give(name, worker)
				moved = true
			}
		}
	}
	return holder
}
