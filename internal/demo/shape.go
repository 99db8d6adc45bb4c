package demo

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// shape is what the load needs of an organisation: what its rules tell apart, and its lines of support.
type shape struct {
	agents    []string
	channels  []string
	languages []string
	matches   []v1alpha1.TicketMatch
	customers []ticket.Customer
	queues    map[string]queueShape
	levels    map[string]int
}

type queueShape struct {
	tier     string
	channels []string
}

func shapeOf(entries []plan.Entry) (*shape, error) {
	s := &shape{queues: map[string]queueShape{}, levels: map[string]int{}}
	channels, languages, segments := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		var err error
		switch e.Kind {
		case plan.KindAgent:
			var spec v1alpha1.AgentSpec
			err = json.Unmarshal(e.Spec, &spec)
			s.agents = append(s.agents, e.Name)
			add(languages, spec.Languages)
			for _, limit := range spec.Limits {
				channels[string(limit.Channel)] = true
			}
		case plan.KindSupportTeam:
			var spec v1alpha1.SupportTeamSpec
			err = json.Unmarshal(e.Spec, &spec)
			add(languages, spec.Defaults.Languages)
			for _, limit := range spec.Defaults.Limits {
				channels[string(limit.Channel)] = true
			}
		case plan.KindTier:
			var spec v1alpha1.TierSpec
			err = json.Unmarshal(e.Spec, &spec)
			s.levels[e.Name] = int(spec.Level)
		case plan.KindQueue:
			var spec v1alpha1.QueueSpec
			err = json.Unmarshal(e.Spec, &spec)
			q := queueShape{tier: string(spec.TierRef.Name)}
			for _, c := range spec.Channels {
				q.channels = append(q.channels, string(c))
			}
			s.queues[e.Name] = q
			add(channels, spec.Channels)
		case plan.KindRoutingPolicy:
			var spec v1alpha1.RoutingPolicySpec
			err = json.Unmarshal(e.Spec, &spec)
			for _, rule := range spec.Rules {
				if rule.Match != nil {
					s.matches = append(s.matches, *rule.Match)
					add(segments, rule.Match.CustomerSegments)
				}
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Key, err)
		}
	}
	s.channels = orElse(channels, "Email")
	s.languages = orElse(languages, "en")
	s.people(slices.Sorted(maps.Keys(segments)))
	return s, nil
}

func add[T ~string](to map[string]bool, words []T) {
	for _, w := range words {
		to[string(w)] = true
	}
}

func orElse(words map[string]bool, otherwise string) []string {
	if len(words) == 0 {
		return []string{otherwise}
	}
	return slices.Sorted(maps.Keys(words))
}

// people makes the customers: one in three of a segment that the rules know.
func (s *shape) people(segments []string) {
	for i, name := range customerNames {
		c := ticket.Customer{ID: "demo-" + strings.ToLower(name), Name: name}
		if i%3 == 0 && len(segments) > 0 {
			c.Segment = segments[i/3%len(segments)]
		}
		s.customers = append(s.customers, c)
	}
}

// ticket that a customer opens: half are such as some rule is for, the others such as come in.
func (s *shape) ticket() ticket.Content {
	c := ticket.Content{
		Subject: pick(subjects), Body: pick(bodies), Channel: pick(s.channels), Language: pick(s.languages),
		Customer: pick(s.customers).ID, Priority: pick(likelyPriorities),
	}
	if len(s.matches) == 0 || rand.IntN(2) == 0 {
		return c
	}
	m := pick(s.matches)
	choose(&c.Channel, m.Channels)
	choose(&c.Category, m.Categories)
	choose(&c.Product, m.Products)
	choose(&c.Language, m.Languages)
	choose(&c.Region, m.Regions)
	choose(&c.Priority, m.Priorities)
	if len(m.Tags) > 0 {
		c.Tags = []string{string(pick(m.Tags))}
	}
	if a := m.Amount; a != nil {
		c.Amount = &ticket.Money{Currency: string(a.Currency), Amount: 20 + rand.Int64N(2000)}
	}
	if c.Category != "" {
		c.Subject = strings.ToUpper(c.Category[:1]) + c.Category[1:] + ": " + c.Subject
	}
	return c
}

func choose[T, W ~string](field *T, from []W) {
	if len(from) > 0 {
		*field = T(pick(from))
	}
}

// next lists the queues of the next level that take the channel.
func (s *shape) next(queue, channel string) []string {
	level, best := s.levels[s.queues[queue].tier], 0
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		q := s.queues[name]
		l := s.levels[q.tier]
		if l <= level || len(q.channels) > 0 && !slices.Contains(q.channels, channel) || best != 0 && l > best {
			continue
		}
		if l < best {
			names = nil
		}
		best = l
		names = append(names, name)
	}
	return names
}

var (
	customerNames    = []string{"Northwind", "Contoso", "Fabrikam", "Tailspin", "Lakeshore", "Wingtip", "Alpine", "Litware", "Proseware", "Trey", "Humongous", "Adventure"}
	likelyPriorities = []ticket.Priority{ticket.Low, ticket.Normal, ticket.Normal, ticket.Normal, ticket.High, ticket.Urgent}
	subjects         = []string{"The page stays empty", "Everything is down", "Cannot sign in", "The export is missing rows", "How do I change the owner?", "A line on the invoice", "Crash when saving", "It has become slow", "The figures differ"}
	bodies           = []string{"It began this morning.", "It worked last week.", "A colleague has the same.", "There is a meeting at noon; please be quick.", "No hurry."}
)
