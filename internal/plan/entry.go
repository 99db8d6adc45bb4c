package plan

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// Compare orders keys by kind and name.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Kind, other.Kind), cmp.Compare(k.Name, other.Name))
}

// NewEntry has the part of an object's content that the desk and the queue workers run by. What only shapes workloads
// (storage, resources, replicas) is left out: changing it makes no new plan. The object is a pointer to one of the
// Kinds.
func NewEntry(object metav1.Object) (Entry, error) {
	entry := Entry{Key: KeyOf(object)}
	spec := specOf(object)
	switch o := object.(type) {
	case *v1alpha1.HelpDesk:
		s := o.Spec
		s.Storage, s.DeletionPolicy, s.Desk = v1alpha1.Storage{}, "", v1alpha1.DeskWorkload{}
		spec = s
	case *v1alpha1.Tier:
		s := o.Spec
		s.Replicas, s.Worker = nil, v1alpha1.WorkerWorkload{}
		spec = s
	case *v1alpha1.Agent:
		if len(o.Labels) > 0 {
			entry.Labels = o.Labels
		}
	}
	encoded, err := json.Marshal(spec)
	if err != nil {
		return Entry{}, fmt.Errorf("encode %s: %w", entry.Key, err)
	}
	entry.Spec = encoded
	return entry, nil
}

// Object that the entry has the content of.
func (e Entry) Object() (Object, error) {
	object, err := NewObject(e.Kind)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Key, err)
	}
	object.SetName(e.Name)
	object.SetLabels(e.Labels)
	if err := json.Unmarshal(e.Spec, specOf(object)); err != nil {
		return nil, fmt.Errorf("%s: %w", e.Key, err)
	}
	return object, nil
}

// Hash of the entry: hex SHA-256 of its JSON.
func (e Entry) Hash() string { return hashJSON(e) }

// sameContent compares without hashing where the bytes agree, as they mostly do.
func (e Entry) sameContent(other Entry) bool {
	same := bytes.Equal(e.Spec, other.Spec) && maps.Equal(e.Labels, other.Labels) && len(e.Revisions)+len(other.Revisions) == 0
	return same || e.Hash() == other.Hash()
}

// Hash of the manifest: hex SHA-256 of its JSON. Two plans with the same hash are the same.
func (m Manifest) Hash() string { return hashJSON(m) }

// hashJSON hashes values that always encode: maps with string keys, which JSON sorts, and JSON that is valid already.
func hashJSON(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

// NewManifest lists the entries, which it sorts in place.
func NewManifest(helpDesk string, entries []Entry) Manifest {
	slices.SortFunc(entries, func(a, b Entry) int { return a.Compare(b.Key) })
	m := Manifest{SchemaVersion: SchemaVersion, HelpDesk: helpDesk, Entries: make([]EntryRef, len(entries))}
	for i, e := range entries {
		m.Entries[i] = EntryRef{Key: e.Key, Hash: e.Hash()}
	}
	return m
}
