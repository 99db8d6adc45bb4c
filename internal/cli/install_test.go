package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// install is what an installation has: the manager and what may be done with ClusterRoles.
type install struct {
	manager appsv1.Deployment
	roles   map[string][]rbacv1.PolicyRule
}

// readInstall finds it in manifests.
func readInstall(t *testing.T, manifests io.Reader) install {
	t.Helper()
	found := install{roles: map[string][]rbacv1.PolicyRule{}}
	into := func(object unstructured.Unstructured, typed any) {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err != nil {
			t.Fatal(err)
		}
	}
	documents := yaml.NewYAMLOrJSONDecoder(manifests, 4096)
	for {
		var object unstructured.Unstructured
		err := documents.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		switch object.GetKind() {
		case "Deployment":
			into(object, &found.manager)
		case "ClusterRole":
			var role rbacv1.ClusterRole
			into(object, &role)
			found.roles[role.Name] = role.Rules
		}
	}
}

// chart is what helm installs with the values.
func chart(t *testing.T, values ...string) install {
	t.Helper()
	helm := os.Getenv("HELM")
	if _, err := os.Stat(helm); err != nil {
		t.Skip("needs helm: set HELM to its path, or run make test-unit, which builds it")
	}
	command := exec.CommandContext(t.Context(), helm, "template", "caseload", filepath.Join("..", "..", "charts", "caseload"),
		"--set", "crds.install=false", "--set", "image=caseload:test")
	for _, value := range values {
		command.Args = append(command.Args, "--set", value)
	}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("helm template: %v: %s", err, stderr.String())
	}
	return readInstall(t, &stdout)
}

// managerFlags parses the manager's arguments as the manager does.
func managerFlags(t *testing.T, manager appsv1.Deployment) func(flag string) []string {
	t.Helper()
	command := newManager()
	if err := command.ParseFlags(manager.Spec.Template.Spec.Containers[0].Args[1:]); err != nil {
		t.Fatalf("the manager does not take its arguments: %v", err)
	}
	return func(flag string) []string {
		values, err := command.Flags().GetStringSlice(flag)
		if err != nil {
			values = []string{command.Flags().Lookup(flag).Value.String()}
		}
		return values
	}
}

func TestChartTellsTheManagerHowToPull(t *testing.T) {
	g := NewWithT(t)
	manager := chart(t, "imagePullPolicy=Always", "imagePullSecrets[0].name=registry", "imagePullSecrets[1].name=mirror").manager
	flag := managerFlags(t, manager)
	g.Expect(flag("image")).To(Equal([]string{"caseload:test"}))
	g.Expect(flag("image-pull-policy")).To(Equal([]string{"Always"}))
	g.Expect(flag("image-pull-secrets")).To(Equal([]string{"registry", "mirror"}))
	g.Expect(manager.Spec.Template.Spec.ImagePullSecrets).To(HaveLen(2))
}

// Chart and kustomize install the same, but for how they come by the manager's arguments.
func TestChartAndKustomizeAgree(t *testing.T) {
	g := NewWithT(t)
	byChart := chart(t)
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "rbac", "*_*.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	var manifests bytes.Buffer
	for _, name := range append(files, filepath.Join("..", "..", "config", "manager", "manager.yaml")) {
		content, err := os.ReadFile(name)
		g.Expect(err).NotTo(HaveOccurred())
		manifests.WriteString("---\n" + string(content))
	}
	byKustomize := readInstall(t, &manifests)

	g.Expect(byKustomize.roles).To(Equal(byChart.roles))
	for _, manager := range []*appsv1.Deployment{&byChart.manager, &byKustomize.manager} {
		managerFlags(t, *manager)
		container := &manager.Spec.Template.Spec.Containers[0]
		container.Image, container.Args, container.Env = "", nil, nil
	}
	g.Expect(byKustomize.manager.Spec.Template.Spec).To(Equal(byChart.manager.Spec.Template.Spec))
}
