package calendar

import (
	"testing"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

func TestWhatIsNotReadAsHours(t *testing.T) {
	for name, h := range map[string]v1alpha1.WeeklyHours{
		"no day":            {Days: []v1alpha1.Weekday{""}, From: "09:00", To: "17:00"},
		"a day in full":     {Days: []v1alpha1.Weekday{"Monday"}, From: "09:00", To: "17:00"},
		"an hour too many":  {Days: []v1alpha1.Weekday{"Mon"}, From: "24:00", To: "17:00"},
		"an end of nothing": {Days: []v1alpha1.Weekday{"Mon"}, From: "09:00"},
	} {
		if got, err := NewHours(h); err == nil {
			t.Errorf("%s is read as %+v", name, got)
		}
	}
}
