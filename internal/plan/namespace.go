package plan

import (
	"slices"
)

// namespace knows what is declared and which HelpDesk each object belongs to.
type namespace struct {
	desk string
	// desks are all there are.
	desks []string
	// of has the HelpDesk of each object by kind and name; "" for an object that, by its owners, hangs on nothing.
	of map[string]map[string]string
}

func newNamespace(o *Objects) namespace {
	n := namespace{desk: o.HelpDesk.Name, desks: slices.Clone(o.OtherHelpDesks), of: map[string]map[string]string{}}
	if n.desk != "" {
		n.desks = append(n.desks, n.desk)
	}
	slices.Sort(n.desks)
	for _, kind := range Kinds {
		n.of[kind] = map[string]string{}
	}
	for _, desk := range n.desks {
		n.of[KindHelpDesk][desk] = desk
	}
	owners := map[Key]Key{}
	for _, object := range o.Declared {
		owner := ownerOf(object)
		if owner == (Key{}) && len(n.desks) == 1 {
			owner = Key{KindHelpDesk, n.desks[0]}
		}
		owners[KeyOf(object)] = owner
	}
	for key := range owners {
		n.of[key.Kind][key.Name] = n.deskOf(key, owners)
	}
	return n
}

// deskOf follows an object's owners, which are of other kinds, to its HelpDesk.
func (n namespace) deskOf(key Key, owners map[Key]Key) string {
	for key != (Key{}) && key.Kind != KindHelpDesk {
		key = owners[key]
	}
	return n.of[KindHelpDesk][key.Name]
}

// claims says whether the HelpDesk answers for the object: it belongs to it, or it hangs on nothing and was in this plan
// before, or no HelpDesk comes before this one.
func (n namespace) claims(key Key, wasHere bool) bool {
	desk := n.of[key.Kind][key.Name]
	return desk == n.desk || desk == "" && (wasHere || n.desks[0] == n.desk)
}

// namesOf the kind's objects that this HelpDesk could refer to, sorted.
func (n namespace) namesOf(kind string) []string {
	var names []string
	for name, desk := range n.of[kind] {
		if desk == n.desk {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
