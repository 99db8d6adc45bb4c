package routing

import (
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"

	"github.com/caseload-dev/caseload/internal/suggest"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// MaxCost bounds an expression, in CEL's units of work: the worst a ticket can make of it, as estimated when it is
// compiled, and what it may spend on one ticket. A comparison costs a few units, a search of the longest body for a word
// about 6,500; a million is some milliseconds.
const MaxCost = 1_000_000

var environment = sync.OnceValues(func() (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	return cel.NewEnv(
		cel.CustomTypeProvider(provider{registry}),
		cel.CustomTypeAdapter(registry),
		cel.Variable("ticket", ticketKind.typ),
		ext.Strings(ext.StringsVersion(5)),
	)
})

// expression is a compiled condition on a ticket.
type expression struct {
	// free runs without counting, which is several times faster: the estimate proved that no ticket of the sizes it took
	// exceeds MaxCost. Larger ones are counted.
	free, counted cel.Program
}

// compileExpression returns why it cannot be used, worded for whoever wrote it.
func compileExpression(source string) (*expression, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(source)
	if issues.Err() != nil {
		return nil, explain(issues.Errors())
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("yields %s; it must yield true or false: compare it with something", ast.OutputType())
	}
	estimate, err := env.EstimateCost(ast, sizes{})
	if err != nil {
		return nil, err
	}
	if estimate.Max > MaxCost {
		return nil, fmt.Errorf("may cost more than the %d units allowed on a large ticket: ask shorter fields than body, "+
			"leave out nested exists() or all(), or move part of it to match", MaxCost)
	}
	e := &expression{}
	if e.free, err = env.Program(ast, cel.EvalOptions(cel.OptOptimize)); err != nil {
		return nil, err
	}
	if e.counted, err = env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(MaxCost)); err != nil {
		return nil, err
	}
	return e, nil
}

// Condition is an expression over a ticket, ready to be asked.
type Condition struct{ expression *expression }

// CompileCondition returns why the expression cannot be used, worded for whoever wrote it.
func CompileCondition(source string) (*Condition, error) {
	e, err := compileExpression(source)
	return &Condition{e}, err
}

// Holds says whether the condition is true of the ticket. One that cannot be answered is not. The customer may be nil.
func (c *Condition) Holds(content *ticket.Content, customer *ticket.Customer) bool {
	holds, err := c.expression.holds(newFacts(content, customer))
	return holds && err == nil
}

// holds says whether the expression is true of the ticket. An error is an expression that could not be answered.
func (e *expression) holds(f *facts) (bool, error) {
	program := e.free
	if f.object(); f.oversized {
		program = e.counted
	}
	value, _, err := program.Eval(f)
	if err != nil {
		return false, err
	}
	return value == types.True, nil
}

// explain puts the compiler's first error in a line, with its place and the fields there are.
func explain(errs []*cel.Error) error {
	first := errs[0]
	text := strings.TrimSpace(first.Message)
	if i := strings.Index(text, " (in container"); i >= 0 {
		text = text[:i]
	}
	var hint string
	if name, ok := strings.CutPrefix(text, "undefined field '"); ok {
		hint = fieldHint(strings.TrimSuffix(name, "'"))
	}
	if strings.HasPrefix(text, "undeclared reference") {
		hint = "; the only variable is ticket, as in ticket.subject"
	}
	return fmt.Errorf("line %d, column %d: %s%s", first.Location.Line(), first.Location.Column()+1, text, hint)
}

// sizes tells CEL how large the parts of a ticket can be.
type sizes struct{}

// EstimateSize implements checker.CostEstimator.
func (sizes) EstimateSize(node checker.AstNode) *checker.SizeEstimate {
	path := node.Path()
	if len(path) < 2 || path[0] != "ticket" {
		return nil
	}
	k := ticketKind
	for i, name := range path[1:] {
		at := k.index(name)
		if at < 0 {
			return nil
		}
		f := k.fields[at]
		if next := find(f.typ.TypeName()); next != nil {
			k = next
			continue
		}
		// What is left of the path is @items, @keys or @values.
		if i+2 < len(path) {
			return &checker.SizeEstimate{Max: f.itemSize}
		}
		return &checker.SizeEstimate{Max: f.maxSize}
	}
	return nil
}

// EstimateCallCost implements checker.CostEstimator: the libraries know theirs.
func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

// fieldHint names the field that was meant, or the ones there are.
func fieldHint(name string) string {
	var names []string
	for _, k := range kinds {
		for _, f := range k.fields {
			names = append(names, f.name)
		}
	}
	if hint := suggest.DidYouMean(name, names); hint != "" {
		return hint
	}
	names = names[:len(ticketKind.fields)]
	return "; a ticket has " + strings.Join(names, ", ")
}
