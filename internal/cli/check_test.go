package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// run the command line and return what it printed and its exit code.
func run(t *testing.T, input string, args ...string) (out, errOut string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(input))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	err := root.ExecuteContext(t.Context())
	var exit exitError
	switch {
	case errors.As(err, &exit):
		code = exit.code
	case err != nil:
		stderr.WriteString(err.Error())
		code = 1
	}
	return stdout.String(), stderr.String(), code
}

const goodManifest = "testdata/lint/good.yaml"

// broken is the good manifest with a part replaced.
func broken(t *testing.T, old, new string) string {
	t.Helper()
	good, err := os.ReadFile(goodManifest)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(good), old) {
		t.Fatalf("the good manifest has no %q", old)
	}
	return strings.Replace(string(good), old, new, 1)
}

func TestLintCleanManifests(t *testing.T) {
	out, errOut, code := run(t, "", "lint", "--strict", goodManifest)
	want := "7 objects in 1 file: 0 problems, 0 warnings; 1 object of other API groups passed over\n"
	if code != 0 || out != want || errOut != "" {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
}

func TestLintMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		// want is the line of the problem, or its beginning and end around "…".
		want string
		// warning mistakes fail with --strict only.
		warning bool
		// more follows, since an object's name is lost: what refers to it dangles.
		more bool
	}{
		"missing team": {
			"teamRef: {name: care}\n  level", "teamRef: {name: car}\n  level",
			"-:19 Tier/frontline spec.teamRef.name: SupportTeam/car does not exist in this namespace: create it, or correct the name; did you mean care? [RefNotFound]", false, false,
		},
		"limit 0": {
			"max: 3", "max: 0",
			"-:47 Agent/jo spec.limits[0].max: Invalid value: 0: …should be greater than or equal to 1 [Invalid]", false, false,
		},
		"unknown skill level": {
			"level: 3", "level: 9",
			"-:45 Agent/jo spec.skills[0].level: Invalid value: 9: …should be less than or equal to 5 [Invalid]", false, false,
		},
		"tier that selects nobody": {
			`agentSelector: {matchLabels: {line-1: "yes"}}`, `agentSelector: {matchLabels: {line-1: "no"}}`,
			"-:21 Tier/frontline spec.agentSelector: warning: selects nobody: …[NoAgents]", true, false,
		},
		"selector that does not parse": {
			`agentSelector: {matchLabels: {line-1: "yes"}}`, `agentSelector: {matchLabels: {"line 1": "yes"}}`,
			"-:21 Tier/frontline spec.agentSelector: cannot be used as a label selector: …[Invalid]", false, false,
		},
		"expression that does not compile": {
			"ticket.subject.contains", "ticket.subjet.contains",
			"-:56 RoutingPolicy/care spec.rules[0].when: rule outage: line 1, column 7: undefined field 'subjet'; did you mean subject? [ExpressionInvalid]", false, false,
		},
		"queue that nobody can serve": {
			"minLevel: 2", "minLevel: 5",
			"-:36 Queue/billing spec.requirements.skills: warning: none of its 1 agents meets the requirements: Agent/jo is closest and lacks billing at level 5 (has 3)…[NobodyQualified]", true, false,
		},
		"routing in a circle": {
			"queueRef: {name: general}", "teamRef: {name: care}",
			"-:58 RoutingPolicy/care spec.rules[0].teamRef.name: hands tickets over in a circle of teams: care -> care; let one of these rules name a queue [CircularReference]", false, false,
		},
		"two-megabyte field": {
			"spec:\n  teamRef: {name: care}\n  skills", "spec:\n  displayName: " + strings.Repeat("x", 2<<20) + "\n  teamRef: {name: care}\n  skills",
			"-:44 Agent/jo spec.displayName: Too long: may not be more than 128 …[Invalid]", false, false,
		},
		"typo in a field name": {
			"channels: [Chat, Email]\n  req", "chanels: [Chat, Email]\n  req",
			"-:34 Queue/billing spec.chanels: there is no such field; did you mean channels? [UnknownField]", false, false,
		},
		"typo in a kind": {
			"kind: Agent", "kind: Agnet",
			"-:39 Agnet/jo kind: there is no kind Agnet in support.caseload.dev/v1alpha1; did you mean Agent? [UnknownKind]", false, true,
		},
		"other version": {
			"v1alpha1\nkind: Agent", "v1\nkind: Agent",
			"-:39 Agent/jo kind: there is no version support.caseload.dev/v1: write apiVersion: support.caseload.dev/v1alpha1 [UnknownKind]", false, true,
		},
		"two places for a rule": {
			"      queueRef: {name: general}", "      queueRef: {name: general}\n      teamRef: {name: care}",
			"-:55 RoutingPolicy/care spec.rules[0]: Invalid value: …a rule sends a ticket to exactly one place: give queueRef, or teamRef to let that team's RoutingPolicy decide [Invalid]", false, false,
		},
		"key twice": {
			"  level: 1", "  level: 1\n  level: 2",
			"-:21 document: line 21: key \"level\" already set in map [Unreadable]", false, true,
		},
		"not YAML": {
			"  level: 1", "  level: [1",
			"…[Unreadable]", false, true,
		},
		"declared twice": {
			"metadata: {name: billing}", "metadata: {name: general}",
			"-:31 Queue/general metadata.name: is declared at -:23 already: rename or delete one of the two [Duplicate]", false, true,
		},
		"no HelpDesk": {
			"kind: HelpDesk\nmetadata: {name: acme}\nspec:\n  defaultTeamRef: {name: care}", "kind: HelpDesk\nmetadata: {name: beta}\nspec:\n  defaultTeamRef: {name: care}",
			"-:12 SupportTeam/care spec.helpDeskRef.name: HelpDesk/acme does not exist in this namespace: …[RefNotFound]", false, true,
		},
		"name of an object": {
			"metadata: {name: frontline}", "metadata: {name: Front Line}",
			"…metadata.name: Invalid value: \"Front Line\": …[Invalid]", false, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			input := broken(t, c.old, c.new)
			out, _, code := run(t, input, "lint", "-")
			begin, end, _ := strings.Cut(c.want, "…")
			found := false
			for line := range strings.Lines(out) {
				line = strings.TrimSuffix(line, "\n")
				if len(line) > 1000 {
					t.Errorf("a line of %d bytes", len(line))
				}
				found = found || strings.HasPrefix(line, begin) && strings.HasSuffix(line, end) ||
					begin == "" && strings.Contains(line, strings.Split(end, "…")[0])
			}
			if !found {
				t.Errorf("want %s\ngot  %s", c.want, out)
			}
			if !c.warning && !c.more && strings.Count(out, "\n") != 2 {
				t.Errorf("one mistake is told once, got\n%s", out)
			}
			if wantCode := map[bool]int{true: 0, false: 1}[c.warning]; code != wantCode {
				t.Errorf("exit %d, want %d", code, wantCode)
			}
			if _, _, code := run(t, input, "lint", "--strict", "-"); code != 1 {
				t.Errorf("exit %d with --strict, want 1", code)
			}
		})
	}
}

// One mistake is told once: what the schema refuses is there for those that name it.
func TestLintTellsAMistakeOnce(t *testing.T) {
	out, _, _ := run(t, broken(t, "  level: 1", "  level: first"), "lint", "-")
	if strings.Count(out, "\n") != 2 || !strings.HasPrefix(out, "-:20 Tier/frontline spec.level: ") {
		t.Error(out)
	}
}

func TestLintFoldersListsAndJSON(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.yaml", broken(t, "tierRef: {name: frontline}", "tierRef: {name: frontlines}"))
	write("sub/b.json", `{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "support.caseload.dev/v1alpha1", "kind": "Queue", "metadata": {"name": "extra"},
   "spec": {"tierRef": {"name": "frontline"}, "priority": "high"}}]}`)
	// Another namespace is another tenant: the same name again, and no HelpDesk.
	write("sub/c.yml", "apiVersion: support.caseload.dev/v1alpha1\nkind: SupportTeam\nmetadata: {name: care, namespace: other}\nspec: {helpDeskRef: {name: acme}}\n")
	write("sub/notes.txt", "no manifest: [")

	out, _, code := run(t, "", "lint", "-o", "json", dir)
	var report lintReport
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err, out)
	}
	if code != 1 || report.Files != 3 || report.Objects != 9 || report.Ignored != 1 || report.Errors != 3 {
		t.Errorf("exit %d, %s", code, out)
	}
	var lines []string
	for _, p := range report.Problems {
		lines = append(lines, strings.TrimPrefix(p.String(), dir+string(filepath.Separator)))
	}
	for i, want := range []string{"a.yaml:27 Queue/general spec.tierRef.name: ", "sub/b.json:3 Queue/extra spec.priority: ", "sub/c.yml:4 SupportTeam/care spec.helpDeskRef.name: "} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("problem %d: want %s, got %q", i, want, lines)
		}
	}
}

func TestLintUnreadablePath(t *testing.T) {
	for _, args := range [][]string{{"lint", "nowhere"}, {"lint", t.TempDir()}, {"lint", "-o", "xml", goodManifest}} {
		if out, errOut, code := run(t, "", args...); code != exitUsage || out != "" || errOut == "" {
			t.Errorf("%v: exit %d, %q %q", args, code, out, errOut)
		}
	}
}

func TestSamplesAreClean(t *testing.T) {
	files, err := filepath.Glob("../../config/samples/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	folders := map[string]bool{"../../docs/example.yaml": true}
	for _, file := range files {
		folders[filepath.Dir(file)] = true
	}
	for folder := range folders {
		if out, errOut, code := run(t, "", "lint", "--strict", folder); code != 0 {
			t.Errorf("%s: exit %d\n%s%s", folder, code, out, errOut)
		}
	}
}

func TestRouteExplains(t *testing.T) {
	wrapped := "ticket: {subject: Line 5 is down, channel: Phone, category: billing, customer: c-7}\ncustomer: {segment: Enterprise}\n"
	out, errOut, code := run(t, wrapped, "route", "-f", "-", "--files", goodManifest)
	want := `RULE         MATCHES  WHY
care/outage  yes      its expression is true

queue general, decided by care/outage
priority Urgent
tags added: outage
`
	if code != 0 || out != want {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}

	out, errOut, code = run(t, `{"subject": "Line 5 is down", "channel": "Phone", "category": "billing"}`, "route", "-f", "-", "--files", goodManifest)
	want = `RULE           MATCHES  WHY
care/outage    no       its expression is false
care/invoices  no       channel is Phone, not one of Email, Chat

queue general, decided by team/care default queue
priority Normal
`
	if code != 0 || out != want {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}

	out, errOut, code = run(t, `{"channel": "Email", "category": "billing"}`, "route", "-f", "-", "--files", "../../config/samples/three-tier")
	want = `queue billing, decided by customer-care/invoices
priority Normal
service level standard
while nobody takes it:
  after 10m           requires billing 2
  after 30m           requires billing 1
  after 2h            goes to queue technical
  with 500 before it  goes to queue technical at once
`
	if code != 0 || !strings.HasSuffix(out, want) {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}

	out, _, code = run(t, `{"channel": "Chat", "category": "refund"}`, "route", "-f", "-", "--files", goodManifest, "-o", "json")
	var result api.RouteResult
	if err := json.Unmarshal([]byte(out), &result); err != nil || code != 0 || result.Decision.Rule != "care/invoices" || len(result.Decision.Steps) != 2 {
		t.Errorf("exit %d %v\n%s", code, err, out)
	}
}

func TestRouteRefuses(t *testing.T) {
	two := filepath.Join(t.TempDir(), "two.yaml")
	second := broken(t, "kind: HelpDesk\nmetadata: {name: acme}", "kind: HelpDesk\nmetadata: {name: zeta}\nspec: {defaultTeamRef: {name: care}}\n---\napiVersion: support.caseload.dev/v1alpha1\nkind: HelpDesk\nmetadata: {name: acme}")
	if err := os.WriteFile(two, []byte(second), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		input string
		args  []string
		want  string
	}{
		"no ticket":      {"", []string{"--files", goodManifest}, "name the ticket's file with -f"},
		"field":          {`{"chanel": "Chat"}`, []string{"-f", "-", "--files", goodManifest}, `unknown field "chanel"`},
		"priority":       {`{"priority": "Highest"}`, []string{"-f", "-", "--files", goodManifest}, "there is no priority Highest"},
		"files":          {`{}`, []string{"-f", "-", "--files", "nowhere"}, "nowhere"},
		"which desk":     {`{}`, []string{"-f", "-", "--files", two}, "choose one of acme, zeta"},
		"no such desk":   {`{}`, []string{"-f", "-", "--files", goodManifest, "--help-desk", "zeta"}, "0 HelpDesks"},
		"unknown output": {`{}`, []string{"-f", "-", "--files", goodManifest, "-o", "xml"}, "-o xml"},
	} {
		out, errOut, code := run(t, c.input, append([]string{"route"}, c.args...)...)
		if code != exitUsage || out != "" || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: exit %d, %q %q", name, code, out, errOut)
		}
	}
}
