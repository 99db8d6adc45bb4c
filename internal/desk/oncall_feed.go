package desk

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/ical"
	"github.com/caseload-dev/caseload/internal/plan"
)

const (
	// metaFeeds has the feeds there are, and the key that their addresses are signed with.
	metaFeeds = "oncall-feeds"
	// maxFeeds of a desk.
	maxFeeds = 1000
	// feedPast and feedAhead bound the shifts of a feed.
	feedPast  = 4 * 7 * 24 * time.Hour
	feedAhead = 26 * 7 * 24 * time.Hour
)

// feeds of a desk. An address has the feed's number and a signature of it, so none is kept; one that is revoked is not here
// any more, and its number is never given again.
type feeds struct {
	Key  []byte           `json:"key"`
	Last int64            `json:"last"`
	All  []api.OnCallFeed `json:"all"`
}

func readFeeds(r store.Reader) (*feeds, error) {
	f := &feeds{}
	kept, err := r.Meta(metaFeeds)
	if err != nil || kept == nil {
		return f, err
	}
	return f, json.Unmarshal(kept, f)
}

func (f *feeds) write(c *change) error {
	kept, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return c.PutMeta(metaFeeds, kept)
}

// token of a feed, which nobody can guess.
func (f *feeds) token(id int64) string {
	mac := hmac.New(sha256.New, f.Key)
	_, _ = fmt.Fprintf(mac, "oncall-feed %d", id) // never fails
	return fmt.Sprintf("%d-%s", id, base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
}

// of is the feed that a token is for; nil: none.
func (f *feeds) of(token string) *api.OnCallFeed {
	number, _, _ := strings.Cut(token, "-")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || len(f.Key) == 0 || !hmac.Equal([]byte(token), []byte(f.token(id))) {
		return nil
	}
	i := slices.IndexFunc(f.All, func(feed api.OnCallFeed) bool { return feed.ID == id })
	if i < 0 {
		return nil
	}
	return &f.All[i]
}

// CreateOnCallFeed makes a feed with an address of its own.
func (d *Desk) CreateOnCallFeed(ctx context.Context, call api.Call, body api.CreateOnCallFeed) (*api.OnCallFeed, error) {
	return answer(ctx, d, call, "oncall-feed", func(c *change) (*api.OnCallFeed, error) {
		switch {
		case (body.Rotation == "") == (body.Agent == ""):
			return nil, invalid("body", "", "name the rotation or the agent that the feed is of, one of the two")
		case body.Rotation != "" && c.plan.Rotations[body.Rotation] == nil:
			return nil, invalid("body.rotation", body.Rotation, "the plan has no such OnCallRotation")
		case body.Agent != "" && c.plan.Agents[body.Agent] == nil:
			return nil, invalid("body.agent", body.Agent, "the plan has no such agent")
		}
		f, err := readFeeds(c)
		if err != nil {
			return nil, err
		}
		if len(f.All) >= maxFeeds {
			return nil, api.NewProblem(http.StatusConflict, api.ProblemNotAllowed, "the desk has %d feeds, the most there can be: revoke some first", maxFeeds)
		}
		if len(f.Key) == 0 {
			f.Key = make([]byte, 32)
			_, _ = rand.Read(f.Key) // never fails
		}
		f.Last++
		feed := api.OnCallFeed{ID: f.Last, Rotation: body.Rotation, Agent: body.Agent, CreatedAt: c.now.UTC(), CreatedBy: actor(call)}
		f.All = append(f.All, feed)
		feed.URL = cmp.Or(c.plan.HelpDesk.ExternalURL, d.address) + api.FeedPath + f.token(feed.ID) + ".ics"
		return &feed, f.write(c)
	})
}

// OnCallFeeds lists the feeds, without their addresses.
func (d *Desk) OnCallFeeds(ctx context.Context, _ api.Call) (*api.OnCallFeedList, error) {
	list := &api.OnCallFeedList{Items: []api.OnCallFeed{}}
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) error {
		f, err := readFeeds(r)
		list.Items = append(list.Items, f.All...)
		return err
	})
	return list, err
}

// RevokeOnCallFeed makes the address of a feed worthless.
func (d *Desk) RevokeOnCallFeed(ctx context.Context, call api.Call, id int64) (*api.OnCallFeed, error) {
	return answer(ctx, d, call, fmt.Sprintf("oncall-feed/%d", id), func(c *change) (*api.OnCallFeed, error) {
		f, err := readFeeds(c)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(f.All, func(feed api.OnCallFeed) bool { return feed.ID == id })
		if i < 0 {
			return nil, api.NewProblem(http.StatusNotFound, api.ProblemNotFound, "there is no feed %d: it was revoked, or never made", id)
		}
		feed := f.All[i]
		f.All = slices.Delete(f.All, i, i+1)
		return &feed, f.write(c)
	})
}

// ReadFeed is the iCalendar of a feed by the token in its address; false if there is none.
func (d *Desk) ReadFeed(ctx context.Context, token string) (calendar string, found bool, err error) {
	err = d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		f, err := readFeeds(r)
		if err != nil {
			return err
		}
		feed := f.of(token)
		if feed == nil {
			return nil
		}
		found = true
		now := d.time.now()
		q := api.OnCallQuery{At: now, From: now.Add(-feedPast), To: now.Add(feedAhead)}
		var rotations []api.OnCall
		for _, name := range slices.Sorted(maps.Keys(p.Rotations)) {
			if feed.Rotation != "" && feed.Rotation != name {
				continue
			}
			past, err := onCallHistory(r, name, q.From, q.To)
			if err != nil {
				return err
			}
			rotations = append(rotations, api.NewOnCall(p.Rotations[name], q, past))
		}
		calendar = ical.Calendar("On call: "+cmp.Or(feed.Rotation, feed.Agent), rotations, feed.Agent, now)
		return nil
	})
	return calendar, found, err
}
