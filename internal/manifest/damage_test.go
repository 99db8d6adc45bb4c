package manifest

import (
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	yaml "go.yaml.in/yaml/v3"
)

// Whatever somebody leaves out or empties is told as a problem or means something; it never stops the check of the rest.
func TestNoMistakeStopsTheCheck(t *testing.T) {
	raw, err := os.ReadFile("../../docs/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	documents := split(raw)
	for i, document := range documents {
		rest := &Set{Now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), byName: map[nameInNamespace]*object{}}
		for _, other := range slices.Delete(slices.Clone(documents), i, i+1) {
			if err := rest.addFile("rest", other); err != nil {
				t.Fatal(err)
			}
		}
		var root yaml.Node
		if err := yaml.Unmarshal(document, &root); err != nil {
			t.Fatal(err)
		}
		damage("", &root, func(what string) {
			damaged := *rest
			damaged.objects, damaged.problems, damaged.byName = slices.Clip(rest.objects), slices.Clip(rest.problems), maps.Clone(rest.byName)
			content, err := yaml.Marshal(&root)
			if err == nil {
				err = damaged.addFile("damaged", content)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if reason := recover(); reason != nil {
					t.Errorf("document %d %s: %v", i+1, what, reason)
				}
			}()
			damaged.Check()
		})
	}
}

// damage a node in every way of leaving out one thing, one after the other.
func damage(path string, node *yaml.Node, each func(what string)) {
	whole := node.Content
	switch node.Kind {
	case yaml.SequenceNode:
		node.Content = nil
		each("without all " + path)
	case yaml.MappingNode:
		for i := 0; i < len(whole); i += 2 {
			node.Content = slices.Delete(slices.Clone(whole), i, i+2)
			each("without" + path + "." + whole[i].Value)
		}
	}
	node.Content = whole
	for i, child := range whole {
		switch {
		case node.Kind != yaml.MappingNode:
			damage(path, child, each)
		case i%2 == 1:
			damage(path+"."+whole[i-1].Value, child, each)
		}
	}
}
