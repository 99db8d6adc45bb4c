package controllers

import (
	"fmt"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// pausedDesk is the HelpDesk's name while it is paused: nothing is pushed then, and its objects say so.
func pausedDesk(helpDesk *v1alpha1.HelpDesk) string {
	if !paused(helpDesk) {
		return ""
	}
	return helpDesk.Name
}

// holdPaused gives paused objects the content that the desk has of them, so that what people change meanwhile waits. One
// that the desk does not know yet is held back.
func holdPaused(objects *plan.Objects, active []plan.Entry) error {
	objects.Held = map[plan.Key]bool{}
	known := map[plan.Key]*plan.Entry{}
	for i := range active {
		known[active[i].Key] = &active[i]
	}
	for i, object := range objects.Declared {
		if !paused(object) {
			continue
		}
		key := plan.KeyOf(object)
		entry := known[key]
		if entry == nil {
			objects.Held[key] = true
			continue
		}
		as, err := entry.Object()
		if err != nil {
			return fmt.Errorf("read the desk's content of a paused object: %w", err)
		}
		as.SetCreationTimestamp(object.GetCreationTimestamp())
		objects.Declared[i] = as
	}
	return nil
}
