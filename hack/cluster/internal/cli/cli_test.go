package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func call(t *testing.T, args ...string) (code int, out, errors string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(context.Background(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestHelpListsEveryVerb(t *testing.T) {
	_, out, _ := call(t, "--help")
	for _, verb := range []string{"check", "build", "up", "down", "status", "start", "stop", "logs", "load-image"} {
		if !strings.Contains(out, "\n  "+verb+" ") {
			t.Errorf("--help does not list %s:\n%s", verb, out)
		}
	}
}

func TestMistakesSayWhatToDo(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"build", "--only", "kubelet"}, "--only takes"},
		{[]string{"load-image"}, "--binary is required"},
		{[]string{"load-image", "--binary", absent}, "no such file"},
		{[]string{"check", "-o", "yaml"}, "say json"},
		{[]string{"stop", "kube-api"}, `invalid argument "kube-api"`},
		{[]string{"logs", "kube-api"}, "kube-apiserver"},
		{[]string{"check", "--dir", "/"}, "cannot be a cluster's folder"},
		{[]string{"check", "--dir", "/" + strings.Repeat("long/", 20)}, "too long"},
	} {
		if code, _, said := call(t, c.args...); code == 0 || !strings.Contains(said, c.want) {
			t.Errorf("%v: code %d, %q; want an error with %q", c.args, code, said, c.want)
		}
	}
}

func TestCheckForScripts(t *testing.T) {
	_, out, _ := call(t, "check", "-o", "json", "--dir", filepath.Join(t.TempDir(), "state"))
	var answer struct {
		Findings []struct{ Check, Verdict, Found, Remedy string }
		Changes  []string
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(answer.Findings) < 10 || len(answer.Changes) < 5 {
		t.Errorf("%d findings and %d changes are too few", len(answer.Findings), len(answer.Changes))
	}
	for _, finding := range answer.Findings {
		if finding.Verdict == "missing" && finding.Remedy == "" {
			t.Errorf("%s is missing without a remedy: %s", finding.Check, finding.Found)
		}
	}
}
