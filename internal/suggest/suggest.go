// Package suggest finds what somebody probably meant to write.
package suggest

import (
	"fmt"
	"strings"
)

// Nearest returns the candidate that differs from the word by the fewest typos, the first of equals, or "" if none is
// near enough: a third of the word, at most 3 typos. Case does not count.
func Nearest(word string, candidates []string) string {
	nearest, fewest := "", min(len(word)/3, 3)+1
	for _, candidate := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(candidate), fewest); d < fewest {
			nearest, fewest = candidate, d
		}
	}
	return nearest
}

// DidYouMean is a question to end a sentence with, or "".
func DidYouMean(word string, candidates []string) string {
	if nearest := Nearest(word, candidates); nearest != "" {
		return fmt.Sprintf("; did you mean %s?", nearest)
	}
	return ""
}

// distance counts insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). It may answer
// any number from limit on once it is not below.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
			least = min(least, current[j])
		}
		if least >= limit {
			return limit
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
