package importer

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxName is the longest name given: it also serves as a label's value.
const maxName = 63

// NameRule says in words how Names maps, for those who read a manifest beside its source.
const NameRule = `accents dropped, lower case, every run of other characters than a-z and 0-9 turned into one '-', ends trimmed; ` +
	`names that then collide all get '-' and the first six hex digits of the SHA-256 of the original; ` +
	`a name of which nothing is left is the kind's word with such a suffix; more than 63 characters are cut`

// Names maps each original to an object's name, by NameRule. kind is the word for what has no name left.
func Names(originals []string, kind string) map[string]string {
	byPlain := map[string][]string{}
	for _, o := range slices.Compact(slices.Sorted(slices.Values(originals))) {
		byPlain[plain(o)] = append(byPlain[plain(o)], o)
	}
	names, taken := map[string]string{}, map[string]bool{}
	for p, group := range byPlain {
		if len(group) == 1 && p != "" && len(p) <= maxName {
			names[group[0]], taken[p] = p, true
		}
	}
	for _, p := range slices.Sorted(maps.Keys(byPlain)) {
		for _, o := range byPlain[p] {
			if names[o] == "" {
				names[o] = suffixed(cmp.Or(p, kind), o, taken)
				taken[names[o]] = true
			}
		}
	}
	return names
}

// suffixed appends as much of the original's hash as it takes to be the only one of the name.
func suffixed(base, original string, taken map[string]bool) string {
	sum := sha256.Sum256([]byte(original))
	hash := hex.EncodeToString(sum[:])
	for n := 6; ; n += 2 {
		cut := strings.TrimRight(base[:min(len(base), maxName-1-n)], "-")
		if name := cut + "-" + hash[:n]; !taken[name] {
			return name
		}
	}
}

func plain(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch r = unicode.ToLower(r); {
		case unicode.Is(unicode.Mn, r):
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimRight(b.String(), "-")
}
