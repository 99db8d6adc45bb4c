package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func names(targets []Target) string {
	var all []string
	for _, target := range targets {
		all = append(all, target.Name)
	}
	return strings.Join(all, " ")
}

func TestSelect(t *testing.T) {
	all, err := Select(nil)
	if got := names(all); err != nil || strings.Contains(got, "envtest") || !strings.Contains(got, "kube") {
		t.Errorf("Select() = %s, %v; want what a cluster needs", got, err)
	}
	if some, err := Select([]string{"envtest"}); err != nil || names(some) != "envtest" || some[0].Folder("/bin") != "/bin/envtest" {
		t.Errorf("Select(envtest) = %s, %v", names(some), err)
	}
	if _, err := Select([]string{"kube", "kubelet"}); err == nil || !strings.Contains(err.Error(), "envtest") {
		t.Errorf("Select(kubelet): %v, want an error that lists the names", err)
	}
}

func TestInstallKeepsTheSameProgram(t *testing.T) {
	dir := t.TempDir()
	built, installed := filepath.Join(dir, "new"), filepath.Join(dir, "program")
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		content  string
		replaced bool
	}{{"1", true}, {"1", false}, {"2", true}} {
		if err := os.WriteFile(built, []byte(c.content), 0o755); err != nil {
			t.Fatal(err)
		}
		_ = os.Chtimes(installed, past, past)
		if err := install(built, installed); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(installed)
		if err != nil {
			t.Fatal(err)
		}
		if replaced := !info.ModTime().Equal(past); replaced != c.replaced {
			t.Errorf("content %q: replaced %t, want %t", c.content, replaced, c.replaced)
		}
	}
}

func TestLinkerFlagsCarryTheVersion(t *testing.T) {
	for _, want := range []string{"version.gitVersion=" + kubernetesVersion, "version.gitMajor=1", "version.gitMinor=36"} {
		if !strings.Contains(linkerFlags(), want) {
			t.Errorf("linkerFlags() = %q lacks %s", linkerFlags(), want)
		}
	}
}

func TestKubernetesVersionIsTheModules(t *testing.T) {
	source, err := FindSource()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), "k8s.io/kubernetes "+kubernetesVersion+"\n") {
		t.Errorf("go.mod does not require k8s.io/kubernetes %s, the version the components report", kubernetesVersion)
	}
}
