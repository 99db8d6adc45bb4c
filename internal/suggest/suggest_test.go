package suggest

import "testing"

func TestNearest(t *testing.T) {
	candidates := []string{"billing", "general", "technical", "tier-1", "tier-2"}
	for word, want := range map[string]string{
		"biling":   "billing",
		"bililng":  "billing", // neighbours swapped
		"Billing":  "billing",
		"genral":   "general",
		"tier-3":   "tier-1", // the first of equals
		"sales":    "",
		"b":        "",
		"":         "",
		"tecnikal": "technical",
		"xillinxx": "",
	} {
		if got := Nearest(word, candidates); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
