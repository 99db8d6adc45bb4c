// Package manifest reads a support organisation from files, checks it as the kube-apiserver and the compiler would, and
// says in which file and line each problem is.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	yamlnode "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/suggest"
)

// Reasons of problems that only files can have, beside those of api/v1alpha1.
const (
	ReasonUnreadable   = "Unreadable"
	ReasonUnknownField = "UnknownField"
	ReasonUnknownKind  = "UnknownKind"
)

// Source is a place in a file.
type Source struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

func (s Source) String() string { return fmt.Sprintf("%s:%d", s.File, s.Line) }

// Problem is something wrong at a place.
type Problem struct {
	Source
	Namespace string `json:"namespace,omitempty"`
	plan.Problem
}

func (p Problem) String() string {
	subject := p.Object.String()
	if p.Object == (plan.Key{}) {
		subject = "document"
	}
	if p.Field != "" {
		subject += " " + p.Field
	}
	severity := ""
	if p.Warning {
		severity = "warning: "
	}
	return fmt.Sprintf("%s %s: %s%s [%s]", p.Source, subject, severity, p.Message, p.Reason)
}

// object is one that was declared.
type object struct {
	source    Source
	namespace string
	key       plan.Key
	node      *yamlnode.Node
	// typed is what could be read; a field of a wrong type is left out.
	typed plan.Object
	// invalid says that the schema refuses it.
	invalid bool
}

// Set is what files declare.
type Set struct {
	// Files read.
	Files int
	// Ignored counts objects of other API groups.
	Ignored int
	// Now is what Check warns of before it happens is seen from; zero: it warns of nothing to come.
	Now time.Time

	objects  []*object
	byName   map[nameInNamespace]*object
	problems []Problem
}

type nameInNamespace struct {
	namespace string
	key       plan.Key
}

// Objects counts those of Caseload's kinds.
func (s *Set) Objects() int { return len(s.objects) }

// Load reads files, folders (all *.yaml, *.yml and *.json below them) and, for "-", the input. The error is a path that
// cannot be read; what is wrong inside the files is for Check to tell.
func Load(paths []string, input io.Reader) (*Set, error) {
	s := &Set{}
	for _, path := range paths {
		if path == "-" {
			raw, err := io.ReadAll(input)
			if err != nil {
				return nil, fmt.Errorf("read the input: %w", err)
			}
			if err := s.addFile("-", raw); err != nil {
				return nil, err
			}
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		read := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(path, name)) }
		if !info.IsDir() {
			raw, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			if err := s.addFile(path, raw); err != nil {
				return nil, err
			}
		} else if err := s.addFolder(os.DirFS(path), path, read); err != nil {
			return nil, err
		}
	}
	if s.Files == 0 {
		return nil, fmt.Errorf("no *.yaml, *.yml or *.json file in %s", strings.Join(paths, ", "))
	}
	return s, nil
}

// LoadFS reads all such files of a file system, as Load does a folder's.
func LoadFS(files fs.FS) (*Set, error) {
	s := &Set{}
	if err := s.addFolder(files, "", func(name string) ([]byte, error) { return fs.ReadFile(files, name) }); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Set) addFolder(files fs.FS, base string, read func(string) ([]byte, error)) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)) {
			return err
		}
		raw, err := read(name)
		if err != nil {
			return err
		}
		return s.addFile(filepath.Join(base, name), raw)
	})
}

func (s *Set) addFile(name string, raw []byte) error {
	s.Files++
	for _, document := range split(raw) {
		source := Source{File: name, Line: 1 + bytes.Count(document, []byte("\n")) - bytes.Count(bytes.TrimLeft(document, "\n"), []byte("\n"))}
		var root yamlnode.Node
		if err := yamlnode.Unmarshal(document, &root); err != nil {
			s.unreadable(source, err)
			continue
		}
		if len(root.Content) == 0 || root.Content[0].Tag == "!!null" {
			continue
		}
		// The same reading as kubectl's, which the positions are beside.
		encoded, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			s.unreadable(source, err)
			continue
		}
		var value any
		if err := utiljson.Unmarshal(encoded, &value); err != nil {
			s.unreadable(source, err)
			continue
		}
		if err := s.addValue(name, root.Content[0], value); err != nil {
			return err
		}
	}
	return nil
}

// split a stream into documents. Each is led by as many empty lines as stand before it in the file, so that whatever
// reads it counts lines as the file does.
func split(raw []byte) [][]byte {
	var documents [][]byte
	var current []byte
	line := 0
	for text := range bytes.Lines(raw) {
		line++
		if rest, ok := bytes.CutPrefix(text, []byte("---")); ok && (len(rest) == 0 || bytes.ContainsAny(rest[:1], " \t\r\n")) {
			documents = append(documents, current)
			current = append(bytes.Repeat([]byte("\n"), line-1), rest...)
			continue
		}
		current = append(current, text...)
	}
	return append(documents, current)
}

func (s *Set) unreadable(at Source, err error) {
	message := err.Error()
	for _, prefix := range []string{"error converting YAML to JSON: ", "yaml: ", "unmarshal errors:\n  "} {
		message = strings.TrimPrefix(message, prefix)
	}
	message, _, _ = strings.Cut(message, "\n")
	var line int
	if n, _ := fmt.Sscanf(message, "line %d:", &line); n == 1 {
		at.Line = line
	}
	s.problems = append(s.problems, Problem{Source: at, Problem: plan.Problem{Reason: ReasonUnreadable, Message: shorten(message)}})
}

// addValue takes an object, or the items of a list of them.
func (s *Set) addValue(file string, node *yamlnode.Node, value any) error {
	at := Source{File: file, Line: node.Line}
	content, ok := value.(map[string]any)
	if !ok {
		s.unreadable(at, errors.New("not an object: it needs apiVersion, kind, metadata and spec"))
		return nil
	}
	apiVersion, _ := content["apiVersion"].(string)
	kind, _ := content["kind"].(string)
	if items, ok := content["items"].([]any); ok && strings.HasSuffix(kind, "List") {
		_, nodes := child(node, "items")
		for i, item := range items {
			if err := s.addValue(file, nodes.Content[i], item); err != nil {
				return err
			}
		}
		return nil
	}
	if apiVersion == "" || kind == "" {
		s.unreadable(at, errors.New("not an object: it needs apiVersion and kind"))
		return nil
	}
	version, err := schema.ParseGroupVersion(apiVersion)
	if err != nil || version.Group != v1alpha1.GroupVersion.Group {
		s.Ignored++
		return nil
	}
	return s.addObject(at, node, version, kind, content)
}

func (s *Set) addObject(at Source, node *yamlnode.Node, version schema.GroupVersion, kind string, content map[string]any) error {
	all, err := schemas()
	if err != nil {
		return err
	}
	o := &object{source: at, node: node, key: plan.Key{Kind: kind}}
	if meta, ok := content["metadata"].(map[string]any); ok {
		o.key.Name, _ = meta["name"].(string)
		o.namespace, _ = meta["namespace"].(string)
	}
	kindSchema, known := all[kind]
	if !known || version != v1alpha1.GroupVersion {
		var kinds []string
		for k := range all {
			kinds = append(kinds, k)
		}
		slices.Sort(kinds)
		message := fmt.Sprintf("there is no kind %s in %s", kind, version) + suggest.DidYouMean(kind, kinds)
		if known {
			message = fmt.Sprintf("there is no version %s: write apiVersion: %s", version, v1alpha1.GroupVersion)
		}
		s.report(o, finding{"kind", ReasonUnknownKind, message})
		return nil
	}
	if o.key.Name == "" {
		s.report(o, finding{"metadata.name", v1alpha1.ReasonInvalid, "every object needs a name"})
		return nil
	}
	if other := s.find(o.namespace, o.key); other != nil {
		s.report(o, finding{"metadata.name", v1alpha1.ReasonDuplicate, fmt.Sprintf("is declared at %s already: rename or delete one of the two", other.source)})
		return nil
	}
	delete(content, "status") // as the kube-apiserver does
	for _, f := range kindSchema.check(content) {
		s.report(o, f)
		o.invalid = true
	}
	if o.typed, err = typed(kind, content); err != nil && !o.invalid {
		s.report(o, finding{"", v1alpha1.ReasonInvalid, err.Error()})
		o.invalid = true
	}
	// The name is known even where nothing else could be read, so that references to it are not said to dangle.
	o.typed.SetName(o.key.Name)
	s.objects = append(s.objects, o)
	if s.byName == nil {
		s.byName = map[nameInNamespace]*object{}
	}
	s.byName[nameInNamespace{o.namespace, o.key}] = o
	return nil
}

func (s *Set) find(namespace string, key plan.Key) *object {
	return s.byName[nameInNamespace{namespace, key}]
}

func (s *Set) report(o *object, f finding) {
	s.problems = append(s.problems, Problem{
		Source:    Source{File: o.source.File, Line: lineOf(o.node, f.field)},
		Namespace: o.namespace,
		Problem:   plan.Problem{Object: o.key, Field: f.field, Reason: f.reason, Message: f.message},
	})
}

// typed reads as much as fits the kind's type and returns what did not.
func typed(kind string, content map[string]any) (plan.Object, error) {
	object, err := plan.NewObject(kind)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		return object, err
	}
	return object, json.Unmarshal(encoded, object)
}
