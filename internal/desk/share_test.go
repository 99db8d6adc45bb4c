package desk

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/plan"
)

// Every pool that somebody fits is held by somebody who fits; nobody who could swap has two more than another; and sharing
// again changes nothing.
func TestShareIsFairAndStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pools := map[string]*plan.Pool{}
		for i := range rapid.IntRange(0, 12).Draw(t, "pools") {
			name := fmt.Sprintf("p%d", i)
			pools[name] = &plan.Pool{Name: name, Tiers: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID[string]).Draw(t, "tiers")}
		}
		tiers, held := map[string]string{}, map[string]string{}
		for i := range rapid.IntRange(0, 6).Draw(t, "workers") {
			tiers[fmt.Sprintf("w%d", i)] = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tier")
		}
		for i := range rapid.IntRange(0, 14).Draw(t, "held") {
			held[fmt.Sprintf("p%d", i)] = fmt.Sprintf("w%d", rapid.IntRange(0, 7).Draw(t, "holder"))
		}
		got := share(pools, tiers, held)
		count := map[string]int{}
		for pool, worker := range got {
			if pools[pool] == nil || !slices.Contains(pools[pool].Tiers, tiers[worker]) {
				t.Fatalf("%s holds %s", worker, pool)
			}
			count[worker]++
		}
		for name, pool := range pools {
			for worker, tier := range tiers {
				if !slices.Contains(pool.Tiers, tier) {
					continue
				}
				if got[name] == "" {
					t.Fatalf("nobody holds %s, which %s fits", name, worker)
				}
				if count[got[name]] > count[worker]+1 {
					t.Fatalf("%s holds %d pools, %s %d, and %s could go over", got[name], count[got[name]], worker, count[worker], name)
				}
			}
		}
		if again := share(pools, tiers, got); !maps.Equal(again, got) {
			t.Fatalf("shared again: %v became %v", got, again)
		}
	})
}
