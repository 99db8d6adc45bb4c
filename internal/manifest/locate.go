package manifest

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// splitPath takes a field path such as spec.rules[2].when or metadata.labels[a.b/c] into its steps.
func splitPath(path string) []string {
	return slices.DeleteFunc(strings.FieldsFunc(bracketed(path), func(r rune) bool { return r == '\x00' }), func(s string) bool { return s == "" })
}

// bracketed puts separators where a step ends: at dots and brackets, except for dots inside brackets.
func bracketed(path string) string {
	inside := false
	return strings.Map(func(r rune) rune {
		switch {
		case r == '[':
			inside = true
			return '\x00'
		case r == ']':
			inside = false
			return '\x00'
		case r == '.' && !inside:
			return '\x00'
		}
		return r
	}, path)
}

// lineOf finds the line of a field in an object's YAML, or of the nearest part around it that is there.
func lineOf(node *yaml.Node, path string) int {
	line := node.Line
	for _, step := range splitPath(path) {
		for node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		key, value := child(node, strings.Trim(step, `"`))
		if value == nil {
			return line
		}
		line, node = key.Line, value
	}
	return line
}

// child of a mapping, with its key, or of a sequence.
func child(node *yaml.Node, step string) (key, value *yaml.Node) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i], node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i], node.Content[i]
		}
	}
	return nil, nil
}
