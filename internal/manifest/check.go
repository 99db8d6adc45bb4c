package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// Desk names a HelpDesk of the files.
type Desk struct {
	Namespace, Name string
}

// Desks lists the HelpDesks by namespace and name.
func (s *Set) Desks() []Desk {
	var desks []Desk
	for _, o := range s.objects {
		if o.key.Kind == plan.KindHelpDesk {
			desks = append(desks, Desk{o.namespace, o.key.Name})
		}
	}
	slices.SortFunc(desks, func(a, b Desk) int { return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name)) })
	return desks
}

// Desk is the HelpDesk of a name; the only one there is for none.
func (s *Set) Desk(name string) (Desk, error) {
	desks := s.Desks()
	var names []string
	for _, desk := range desks {
		if desk.Name == name || name == "" && len(desks) == 1 {
			return desk, nil
		}
		names = append(names, desk.Name)
	}
	if len(desks) == 0 {
		return Desk{}, errors.New("the manifests have no HelpDesk: caseload lint says what is wrong with them")
	}
	return Desk{}, fmt.Errorf("the manifests have the HelpDesks %q: name one with --help-desk", names)
}

// Plan compiles what the files declare for the HelpDesk, with nothing accepted before. An object that the schema refuses
// is not declared, as in a cluster.
func (s *Set) Plan(desk Desk) plan.Result {
	return plan.Compile(s.Declared(desk), nil)
}

// Declared objects of the desk's namespace that the schema takes.
func (s *Set) Declared(desk Desk) plan.Objects { return s.declared(desk, false) }

// declared objects of the desk's namespace.
func (s *Set) declared(desk Desk, withInvalid bool) plan.Objects {
	var objects plan.Objects
	for _, o := range s.objects {
		if o.namespace != desk.Namespace || o.invalid && !withInvalid {
			continue
		}
		switch t, is := o.typed.(*v1alpha1.HelpDesk); {
		case !is:
			objects.Declared = append(objects.Declared, o.typed)
		case t.Name == desk.Name:
			objects.HelpDesk = *t
		default:
			objects.OtherHelpDesks = append(objects.OtherHelpDesks, t.Name)
		}
	}
	return objects
}

// Check returns every problem by file and line: what cannot be read, what the schema refuses, and what the compiler finds
// in each HelpDesk. One mistake is told once: what the schema refuses counts as there for the others, and nothing is said
// of what follows from an object being left out.
func (s *Set) Check() []Problem {
	problems := slices.Clone(s.problems)
	desks := s.Desks()
	for _, o := range s.objects {
		// Without a HelpDesk everything in the namespace hangs on nothing.
		if !slices.ContainsFunc(desks, func(d Desk) bool { return d.Namespace == o.namespace }) {
			desks = append(desks, Desk{Namespace: o.namespace})
		}
	}
	for _, desk := range desks {
		objects := s.declared(desk, true)
		objects.Now = s.Now
		found := plan.Compile(objects, nil).Problems
		leftOut := slices.ContainsFunc(found, func(p plan.Problem) bool { return !p.Warning }) ||
			slices.ContainsFunc(s.objects, func(o *object) bool { return o.invalid && o.namespace == desk.Namespace })
		for _, p := range found {
			o := s.find(desk.Namespace, p.Object)
			if o.invalid || p.Reason == v1alpha1.ReasonNotAccepted || leftOut && needsAll(p) {
				continue
			}
			source := Source{File: o.source.File, Line: lineOf(o.node, p.Field)}
			problems = append(problems, Problem{Source: source, Namespace: desk.Namespace, Problem: p})
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	return problems
}

// needsAll says whether the problem is that nobody serves something: not known while objects are left out.
func needsAll(p plan.Problem) bool {
	switch p.Reason {
	case v1alpha1.ReasonNoAgents, v1alpha1.ReasonNobodyQualified, v1alpha1.ReasonCoverageGap, v1alpha1.ReasonNoDuty,
		v1alpha1.ReasonNobodyReached:
		return true
	}
	return false
}
