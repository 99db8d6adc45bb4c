package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// Compile chooses the version of each object that the plan of the HelpDesk runs by, and tells what is wrong with the
// others. Previous are the entries of the plan in force.
//
// A declared version without a problem is taken. With one, the last accepted version stays, and without that the object
// is left out; only deletion removes. What an object belongs to (tier of a queue, team of a tier) must be in the plan too.
// Objects that name each other are judged together: all are taken unless one of them has a problem of its own. The
// result does not depend on the order of the input.
//
// Objects with an empty HelpDesk name are those of a namespace without one.
func Compile(objects Objects, previous []Entry) Result {
	for {
		c := newCompilation(&objects, previous)
		for _, object := range c.sorted {
			if object.chosen != none {
				c.check(object)
			}
		}
		c.settle()
		if len(c.lost) == 0 {
			c.warnOfLeftOut()
			return c.result()
		}
		// What was accepted and cannot stay must not have had a say: judge anew without it.
		previous = slices.DeleteFunc(slices.Clone(previous), func(e Entry) bool { return c.lost[e.Key] })
	}
}

// version of an object that the plan would run by.
type version int

const (
	declared version = iota
	accepted         // the one of the previous plan
	none
)

// candidate is a declared object that the HelpDesk owns.
type candidate struct {
	key     Key
	object  metav1.Object
	entry   Entry
	created time.Time
	// last accepted entry and its object, nil if never accepted.
	last       *Entry
	lastObject metav1.Object
	// unchanged says that the declared content is the last accepted one.
	unchanged bool
	// chosen version, which only ever moves from declared to accepted to none.
	chosen version
	// links of the declared and of the accepted version.
	links [2]links
}

// content of the chosen version; nil for none.
func (c *candidate) content() metav1.Object {
	switch c.chosen {
	case declared:
		return c.object
	case accepted:
		return c.lastObject
	}
	return nil
}

// current links: those of the chosen version. Not for none.
func (c *candidate) current() links { return c.links[c.chosen] }

// links are what makes objects depend on each other beyond what one of them alone can answer for.
type links struct {
	// owner the object belongs to; empty for the HelpDesk and its teams.
	owner Key
	// above is the parent of a team, the manager of an agent, or the queue that a queue overflows to.
	above string
	// claim is what only one object may have: an agent's subject, a policy's team.
	claim string
	// handsTo are the teams that a policy's rules hand tickets over to.
	handsTo []string
}

// ownerOf is what an object belongs to by its reference upward; the zero Key if it may leave that out: then it belongs to
// the only HelpDesk of its namespace.
func ownerOf(object metav1.Object) Key {
	switch o := object.(type) {
	case *v1alpha1.SupportTeam:
		return Key{KindHelpDesk, string(o.Spec.HelpDeskRef.Name)}
	case *v1alpha1.Tier:
		return Key{KindSupportTeam, string(o.Spec.TeamRef.Name)}
	case *v1alpha1.Queue:
		return Key{KindTier, string(o.Spec.TierRef.Name)}
	case *v1alpha1.Agent:
		return Key{KindSupportTeam, string(o.Spec.TeamRef.Name)}
	case *v1alpha1.RoutingPolicy:
		return Key{KindSupportTeam, string(o.Spec.TeamRef.Name)}
	case *v1alpha1.BusinessCalendar:
		return ofHelpDesk(o.Spec.HelpDeskRef)
	case *v1alpha1.EscalationPolicy:
		return ofHelpDesk(o.Spec.HelpDeskRef)
	case *v1alpha1.ServiceLevel:
		return ofHelpDesk(o.Spec.HelpDeskRef)
	case *v1alpha1.OnCallRotation:
		return Key{KindSupportTeam, string(o.Spec.TeamRef.Name)}
	case *v1alpha1.OnCallOverride:
		return Key{KindOnCallRotation, string(o.Spec.RotationRef.Name)}
	}
	return Key{}
}

func ofHelpDesk(ref *v1alpha1.HelpDeskReference) Key {
	if ref == nil {
		return Key{}
	}
	return Key{KindHelpDesk, string(ref.Name)}
}

func linksOf(object metav1.Object) links {
	var l links
	if owner := ownerOf(object); owner.Kind != KindHelpDesk {
		l.owner = owner
	}
	switch o := object.(type) {
	case *v1alpha1.SupportTeam:
		if o.Spec.ParentTeamRef != nil {
			l.above = string(o.Spec.ParentTeamRef.Name)
		}
	case *v1alpha1.Queue:
		if o.Spec.Overflow != nil {
			l.above = string(o.Spec.Overflow.QueueRef.Name)
		}
	case *v1alpha1.Agent:
		if o.Spec.ManagerRef != nil {
			l.above = string(o.Spec.ManagerRef.Name)
		}
		if s := o.Spec.Subject; s != nil {
			l.claim = fmt.Sprintf("%s %s", s.Kind, s.Name)
		}
	case *v1alpha1.RoutingPolicy:
		l.claim = string(o.Spec.TeamRef.Name)
		for _, r := range o.Spec.Rules {
			if r.TeamRef != nil {
				l.handsTo = append(l.handsTo, string(r.TeamRef.Name))
			}
		}
	}
	return l
}

// compilation is the work of one Compile.
type compilation struct {
	objects *Objects
	names   namespace
	// sorted by key.
	sorted   []*candidate
	byKey    map[Key]*candidate
	problems []Problem
	// lost are accepted versions that cannot stay, since their owner is gone.
	lost map[Key]bool
	// mentions are the references that may dangle, and suggested counts the corrections offered for those to nothing.
	mentions  []mention
	suggested int
}

func newCompilation(objects *Objects, previous []Entry) *compilation {
	c := &compilation{objects: objects, names: newNamespace(objects), byKey: map[Key]*candidate{}, lost: map[Key]bool{}}
	last := make(map[Key]*Entry, len(previous))
	for i := range previous {
		last[previous[i].Key] = &previous[i]
	}
	for _, object := range objects.all() {
		entry, err := NewEntry(object)
		if err != nil {
			panic(err) // objects has no other types, and those encode
		}
		if entry.Kind == KindOnCallRotation {
			entry.Revisions = objects.Revisions[entry.Name]
		}
		if !c.names.claims(entry.Key, last[entry.Key] != nil) {
			continue
		}
		cand := &candidate{key: entry.Key, object: object, entry: entry, created: object.GetCreationTimestamp().Time}
		cand.links[declared] = linksOf(object)
		if objects.Held[cand.key] {
			cand.chosen = none
		}
		if l := last[entry.Key]; l != nil {
			// An entry of an older build that this one cannot read counts as none.
			if old, err := l.Object(); err == nil && len(unreadable(old)) == 0 {
				cand.last, cand.lastObject, cand.links[accepted] = l, old, linksOf(old)
				cand.unchanged = l.sameContent(entry)
			}
		}
		c.sorted = append(c.sorted, cand)
		c.byKey[cand.key] = cand
	}
	slices.SortFunc(c.sorted, func(a, b *candidate) int { return a.key.Compare(b.key) })
	return c
}

// report a problem of the candidate's declared version, which falls back unless it is a warning.
func (c *compilation) report(cand *candidate, p Problem) {
	p.Object = cand.key
	c.problems = append(c.problems, p)
	if !p.Warning && cand.chosen == declared {
		cand.chosen = none
		if cand.last != nil {
			cand.chosen = accepted
		}
	}
}

// settle lets versions fall back until what remains agrees with itself: the greatest fixpoint. Only what has its owner
// can be in conflict.
func (c *compilation) settle() {
	for c.dropUnowned() || c.dropConflicting() {
	}
}

// dropUnowned falls back from versions whose owner is not in the plan, and says whether there were any.
func (c *compilation) dropUnowned() (dropped bool) {
	for _, cand := range c.sorted {
		if cand.chosen == none || cand.current().owner == (Key{}) || c.inPlan(cand.current().owner) {
			continue
		}
		dropped = true
		if cand.chosen == accepted {
			cand.chosen = none
			c.lost[cand.key] = true
			continue
		}
		why, remedy := c.leftOut(cand.current().owner)
		c.invalid(cand, ownerField[cand.key.Kind], v1alpha1.ReasonNotAccepted, "%s: %s first", why, remedy)
	}
	return dropped
}

// dropConflicting falls back from declared versions that contradict others, judging all by the same state, and says
// whether there were any.
func (c *compilation) dropConflicting() (dropped bool) {
	conflicts := map[Key]*Problem{}
	c.findDuplicates(conflicts)
	c.findOverlaps(conflicts)
	c.findCircles(conflicts, KindSupportTeam, "spec.parentTeamRef.name", "goes in a circle: %s; take one of these references out")
	c.findCircles(conflicts, KindAgent, "spec.managerRef.name", "goes in a circle: %s; take one of these references out")
	c.findCircles(conflicts, KindQueue, "spec.overflow.queueRef.name",
		"overflows in a circle: %s; a ticket would come back to a queue that gave it up, so take one of these overflows out")
	c.findRoutingCircles(conflicts)
	for _, cand := range c.sorted {
		if p := conflicts[cand.key]; p != nil && cand.chosen == declared {
			dropped = true
			c.report(cand, *p)
		}
	}
	return dropped
}

// leftOut says why a declared object is not in the plan, and what to do.
func (c *compilation) leftOut(key Key) (why, remedy string) {
	if c.objects.Held[key] {
		return fmt.Sprintf("%s is paused, and has not been in the plan yet", key),
			fmt.Sprintf("remove its annotation %s", v1alpha1.PausedAnnotation)
	}
	return fmt.Sprintf("%s has a problem that keeps it out of the plan", key), "see its conditions, and fix it"
}

func (c *compilation) inPlan(key Key) bool {
	cand := c.byKey[key]
	return cand != nil && cand.chosen != none
}

// findDuplicates lets the claim that is in force stand, else the oldest, else the first by name.
func (c *compilation) findDuplicates(found map[Key]*Problem) {
	type claim struct{ kind, what string }
	claimants := map[claim][]*candidate{}
	for _, cand := range c.sorted {
		if cand.chosen != none && cand.current().claim != "" {
			k := claim{cand.key.Kind, cand.current().claim}
			claimants[k] = append(claimants[k], cand)
		}
	}
	for k, rivals := range claimants {
		inForce := func(r *candidate) int {
			if r.last != nil && r.links[accepted].claim == k.what {
				return 0
			}
			return 1
		}
		slices.SortFunc(rivals, func(a, b *candidate) int {
			return cmp.Or(cmp.Compare(inForce(a), inForce(b)), a.created.Compare(b.created), cmp.Compare(a.key.Name, b.key.Name))
		})
		for _, r := range rivals[1:] {
			p := &Problem{Field: "spec.subject", Reason: v1alpha1.ReasonDuplicate, Message: fmt.Sprintf(
				"%s already has the subject %s: who may act as an agent must be clear, so give each a subject of their own", rivals[0].key, k.what)}
			if k.kind == KindRoutingPolicy {
				p.Field = "spec.teamRef.name"
				p.Message = fmt.Sprintf("SupportTeam/%s already has %s, and a team has one: move the rules there, or delete one of the two", k.what, rivals[0].key)
			}
			found[r.key] = p
		}
	}
}

// findCircles finds objects of a kind that are above themselves; the message tells the way round.
func (c *compilation) findCircles(found map[Key]*Problem, kind, field, message string) {
	next := map[string][]string{}
	for _, cand := range c.sorted {
		if cand.key.Kind == kind && cand.chosen != none && cand.current().above != "" {
			next[cand.key.Name] = []string{cand.current().above}
		}
	}
	for name, circle := range circles(next) {
		c.blame(found, Key{kind, name}, &Problem{Field: field, Reason: v1alpha1.ReasonCircularReference,
			Message: fmt.Sprintf(message, strings.Join(circle, " -> "))})
	}
}

// findRoutingCircles finds policies that hand tickets over in a circle.
func (c *compilation) findRoutingCircles(found map[Key]*Problem) {
	next := map[string][]string{}
	policyOf := map[string]*candidate{}
	for _, cand := range c.sorted {
		if cand.key.Kind == KindRoutingPolicy && cand.chosen != none && found[cand.key] == nil {
			team := cand.current().claim
			next[team], policyOf[team] = cand.current().handsTo, cand
		}
	}
	for team, circle := range circles(next) {
		cand := policyOf[team]
		field := "spec.rules"
		if i := handOver(cand.object, circle[1]); i >= 0 {
			field = fmt.Sprintf("spec.rules[%d].teamRef.name", i)
		}
		c.blame(found, cand.key, &Problem{Field: field, Reason: v1alpha1.ReasonCircularReference,
			Message: fmt.Sprintf("hands tickets over in a circle of teams: %s; let one of these rules name a queue", strings.Join(circle, " -> "))})
	}
}

// handOver is the index of the policy's first rule that hands over to the team, -1 if none does.
func handOver(policy metav1.Object, team string) int {
	return slices.IndexFunc(policy.(*v1alpha1.RoutingPolicy).Spec.Rules, func(r v1alpha1.RoutingRule) bool {
		return r.TeamRef != nil && string(r.TeamRef.Name) == team
	})
}

// blame an object for a circle unless its content is in force already: then whoever closed the circle is to blame.
func (c *compilation) blame(found map[Key]*Problem, key Key, p *Problem) {
	if cand := c.byKey[key]; !cand.unchanged && found[key] == nil {
		found[key] = p
	}
}

func (c *compilation) result() Result {
	r := Result{Belongs: map[Key]bool{}, Current: map[Key]bool{}, Agents: map[Key]int{}}
	plan := newDeclarations(c.objects.HelpDesk.Name)
	for _, cand := range c.sorted {
		r.Belongs[cand.key] = true
		switch cand.chosen {
		case declared:
			r.Entries = append(r.Entries, cand.entry)
			plan.add(cand.object)
			plan.addRevisions(cand.entry)
			r.Current[cand.key] = true
		case accepted:
			r.Entries = append(r.Entries, *cand.last)
			plan.add(cand.lastObject)
			plan.addRevisions(*cand.last)
			if cand.unchanged {
				r.Current[cand.key] = true
			}
		}
	}
	r.Manifest = NewManifest(c.objects.HelpDesk.Name, r.Entries)
	r.Plan = plan.resolve(r.Manifest) // check and settle saw to it that it does
	for name, tier := range r.Plan.Tiers {
		r.Agents[Key{KindTier, name}] = len(tier.Agents)
	}
	for name, queue := range r.Plan.Queues {
		r.Agents[Key{KindQueue, name}] = len(queue.Agents)
	}
	c.warn(r.Plan)
	slices.SortStableFunc(c.problems, func(a, b Problem) int {
		return a.Object.Compare(b.Object)
	})
	r.Problems = c.problems
	return r
}
