package routing

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// field of an object an expression can read.
type field struct {
	name string
	typ  *cel.Type
	// zero is what an expression reads where the ticket says nothing.
	zero ref.Val
	// maxSize is the largest size() the field can have, for the estimate of an expression's cost; of a list of strings,
	// itemSize is that of one.
	maxSize, itemSize uint64
}

// kind is a type of object that expressions read, with its fields in the order an object holds them.
type kind struct {
	typ    *types.Type
	fields []field
}

// The sizes are the bounds the desk's API sets on a ticket. Where it sets none, they are generous, and the cost limit
// holds at run time.
const (
	maxWord       = 128
	maxName       = 253
	maxTags       = 64 + 16
	maxAttributes = 64
	maxAttribute  = 1024
)

var (
	moneyKind = &kind{typ: cel.ObjectType("Money"), fields: []field{
		{name: "amount", typ: cel.IntType, zero: types.IntZero},
		text("currency", 3),
	}}
	noMoney = &object{kind: moneyKind, values: make([]ref.Val, len(moneyKind.fields))}

	customerKind = &kind{typ: cel.ObjectType("Customer"), fields: []field{
		text("id", maxName), text("name", maxName), text("segment", maxWord),
		{name: "value", typ: moneyKind.typ, zero: noMoney},
		attributes,
	}}
	noCustomer = &object{kind: customerKind, values: make([]ref.Val, len(customerKind.fields))}

	ticketKind = &kind{typ: cel.ObjectType("Ticket"), fields: []field{
		text("subject", 512), text("body", 65536), text("channel", maxWord), text("category", maxWord), text("product", maxWord),
		text("language", 35), text("region", maxWord), text("priority", 8), text("team", maxName),
		{name: "tags", typ: cel.ListType(cel.StringType), zero: list(nil), maxSize: maxTags, itemSize: 63},
		attributes,
		{name: "amount", typ: moneyKind.typ, zero: noMoney},
		{name: "customer", typ: customerKind.typ, zero: noCustomer},
	}}

	attributes = field{name: "attributes", typ: cel.MapType(cel.StringType, cel.StringType), zero: dict(nil),
		maxSize: maxAttributes, itemSize: maxAttribute}
	kinds = []*kind{ticketKind, customerKind, moneyKind}
)

func text(name string, maxSize uint64) field {
	return field{name: name, typ: cel.StringType, zero: types.String(""), maxSize: maxSize}
}

func list(values []string) ref.Val { return types.NewStringList(types.DefaultTypeAdapter, values) }
func dict(values map[string]string) ref.Val {
	return types.NewStringStringMap(types.DefaultTypeAdapter, values)
}

func (k *kind) index(name string) int {
	return slices.IndexFunc(k.fields, func(f field) bool { return f.name == name })
}

// object is a value of a kind. A nil value is a field that the ticket does not set: has() is false, and reading it gives
// the zero of its type.
type object struct {
	*kind
	values []ref.Val
}

// newObject takes the values in the order of the kind's fields; empty ones are not set.
func newObject(k *kind, values ...ref.Val) *object {
	for i, v := range values {
		if v == nil || v.Equal(k.fields[i].zero) == types.True {
			values[i] = nil
		}
	}
	return &object{kind: k, values: values}
}

func (o *object) get(i int) ref.Val {
	if v := o.values[i]; v != nil {
		return v
	}
	return o.fields[i].zero
}

// withinBounds says whether every part has the size that its field states at most.
func (o *object) withinBounds() bool {
	for i, f := range o.fields {
		switch v := o.get(i).Value().(type) {
		case string:
			if uint64(len(v)) > f.maxSize {
				return false
			}
		case []string:
			tooLong := func(s string) bool { return uint64(len(s)) > f.itemSize }
			if uint64(len(v)) > f.maxSize || slices.ContainsFunc(v, tooLong) {
				return false
			}
		case map[string]string:
			if uint64(len(v)) > f.maxSize {
				return false
			}
			for key, value := range v {
				if uint64(max(len(key), len(value))) > f.itemSize {
					return false
				}
			}
		case *object:
			if !v.withinBounds() {
				return false
			}
		}
	}
	return true
}

// ConvertToNative implements ref.Val.
func (o *object) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s cannot be converted to %v", o.typ, t)
}

// ConvertToType implements ref.Val.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.TypeType:
		return o.typ
	case o.typ:
		return o
	}
	return types.NewErr("%s cannot be converted to %s", o.typ, t.TypeName())
}

// Equal implements ref.Val.
func (o *object) Equal(other ref.Val) ref.Val {
	p, ok := other.(*object)
	if !ok || o.kind != p.kind {
		return types.False
	}
	for i := range o.fields {
		if o.get(i).Equal(p.get(i)) != types.True {
			return types.False
		}
	}
	return types.True
}

// Type implements ref.Val.
func (o *object) Type() ref.Type { return o.typ }

// Value implements ref.Val.
func (o *object) Value() any { return o }

// provider tells CEL the kinds, so that a misspelt field is found when an expression is compiled.
type provider struct{ types.Provider }

func find(typeName string) *kind {
	for _, k := range kinds {
		if k.typ.TypeName() == typeName {
			return k
		}
	}
	return nil
}

// FindStructType implements types.Provider.
func (p provider) FindStructType(name string) (*types.Type, bool) {
	if k := find(name); k != nil {
		return types.NewTypeTypeWithParam(k.typ), true
	}
	return p.Provider.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	k := find(name)
	if k == nil {
		return p.Provider.FindStructFieldNames(name)
	}
	names := make([]string, len(k.fields))
	for i, f := range k.fields {
		names[i] = f.name
	}
	return names, true
}

// FindStructFieldType implements types.Provider.
func (p provider) FindStructFieldType(typeName, fieldName string) (*types.FieldType, bool) {
	k := find(typeName)
	if k == nil {
		return p.Provider.FindStructFieldType(typeName, fieldName)
	}
	i := k.index(fieldName)
	if i < 0 {
		return nil, false
	}
	return &types.FieldType{
		Type:    k.fields[i].typ,
		IsSet:   func(target any) bool { return target.(*object).values[i] != nil },
		GetFrom: func(target any) (any, error) { return target.(*object).get(i), nil },
	}, true
}

// NewValue implements types.Provider: expressions do not make tickets.
func (p provider) NewValue(typeName string, fields map[string]ref.Val) ref.Val {
	if find(typeName) != nil {
		return types.NewErr("a %s cannot be made in an expression", typeName)
	}
	return p.Provider.NewValue(typeName, fields)
}

// facts is the ticket under way as rules see it. It is the CEL activation of their expressions.
type facts struct {
	content  *ticket.Content
	customer *ticket.Customer
	priority ticket.Priority
	tags     []string
	// ticket is made when the first expression asks, and anew after a rule changed something.
	ticket *object
	// oversized says that a part of the ticket is larger than its kind's bounds.
	oversized bool
}

func newFacts(content *ticket.Content, customer *ticket.Customer) *facts {
	f := &facts{content: content, customer: customer, priority: content.Priority, tags: content.Tags}
	if f.priority == "" {
		f.priority = ticket.Normal
	}
	if f.customer == nil {
		f.customer = &ticket.Customer{ID: content.Customer}
	}
	return f
}

// change applies what a rule sets and returns the tags that the ticket did not have.
func (f *facts) change(priority ticket.Priority, tags []string) (added []string) {
	f.ticket = nil
	if priority != "" {
		f.priority = priority
	}
	for _, tag := range tags {
		if !slices.Contains(f.tags, tag) {
			f.tags = append(slices.Clip(f.tags), tag)
			added = append(added, tag)
		}
	}
	return added
}

// object is the ticket as expressions see it.
func (f *facts) object() *object {
	if f.ticket == nil {
		c := f.content
		f.ticket = newObject(ticketKind,
			types.String(c.Subject), types.String(c.Body), types.String(c.Channel), types.String(c.Category), types.String(c.Product),
			types.String(c.Language), types.String(c.Region), types.String(f.priority), types.String(c.Team),
			list(f.tags), dict(c.Attributes), money(c.Amount),
			newObject(customerKind, types.String(f.customer.ID), types.String(f.customer.Name), types.String(f.customer.Segment),
				money(f.customer.Value), dict(f.customer.Attributes)))
		f.oversized = !f.ticket.withinBounds()
	}
	return f.ticket
}

// ResolveName implements cel.Activation.
func (f *facts) ResolveName(name string) (any, bool) {
	if name != "ticket" {
		return nil, false
	}
	return f.object(), true
}

// Parent implements cel.Activation.
func (f *facts) Parent() cel.Activation { return nil }

func money(m *ticket.Money) ref.Val {
	if m == nil {
		return nil
	}
	// An amount of nothing is still an amount: set, unlike other zeros.
	return &object{kind: moneyKind, values: []ref.Val{types.Int(m.Amount), types.String(m.Currency)}}
}
