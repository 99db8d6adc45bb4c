package language

import "testing"

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		languageRange, tag string
		want               bool
	}{
		{"pt", "pt", true},
		{"pt", "pt-BR", true},
		{"pt", "PT-br", true},
		{"zh-Hant", "zh-hant-TW", true},
		{"pt-BR", "pt", false},
		{"pt-BR", "pt-PT", false},
		{"de", "den", false},
		{"de", "", false},
	} {
		if got := Covers(c.languageRange, c.tag); got != c.want {
			t.Errorf("%q covers %q: %v", c.languageRange, c.tag, got)
		}
	}
}
