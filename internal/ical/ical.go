// Package ical writes shifts as an iCalendar (RFC 5545) that calendar programs subscribe to.
package ical

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// Calendar has the shifts of rotations as events; of one agent's only, unless that is empty. A shift keeps its UID for as long
// as it is the same agent's and begins at the same time.
func Calendar(name string, rotations []api.OnCall, agent string, now time.Time) string {
	c := ics.NewCalendarFor("caseload")
	c.SetMethod(ics.MethodPublish)
	c.SetName(name)
	c.SetXWRCalName(name)
	for _, r := range rotations {
		for _, s := range r.Shifts {
			if agent != "" && s.Agent != agent {
				continue
			}
			e := c.AddEvent(uid(r.Rotation, s))
			e.SetDtStampTime(now)
			e.SetStartAt(s.Start)
			e.SetEndAt(s.End)
			e.SetSummary(fmt.Sprintf("%s on call: %s", s.Agent, r.Rotation))
			description := []string{"Rotation " + r.Rotation + ", layer " + s.Layer}
			if s.Replaces != "" {
				description = append(description, "in place of "+s.Replaces)
			}
			e.SetDescription(strings.Join(description, ", "))
		}
	}
	return c.Serialize()
}

func uid(rotation string, s api.OnCallShift) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{rotation, s.Layer, s.Agent, s.Start.UTC().Format(time.RFC3339)}, "\x00")))
	return hex.EncodeToString(sum[:16]) + "@caseload"
}
