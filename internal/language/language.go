// Package language compares language tags (BCP 47).
package language

import "strings"

// Covers says whether a language range such as pt takes a tag such as pt or pt-BR: basic filtering of RFC 4647, without its
// wildcard, which no declaration can hold.
func Covers(languageRange, tag string) bool {
	n := len(languageRange)
	return len(tag) >= n && strings.EqualFold(tag[:n], languageRange) && (len(tag) == n || tag[n] == '-')
}
