package image

import (
	"archive/tar"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func compile(t *testing.T, environment string) string {
	t.Helper()
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(source, []byte("package main\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("go", "build", "-o", binary, source)
	command.Env = append(os.Environ(), environment)
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return binary
}

func TestPushedImageRunsTheBinaryAsNobody(t *testing.T) {
	binary := compile(t, "CGO_ENABLED=0")
	server := httptest.NewServer(registry.New())
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")

	var references []string
	for range 2 {
		built, err := Build(Source{Binary: binary, Name: "team/program"})
		if err != nil {
			t.Fatal(err)
		}
		reference, err := Push(host, "team/program", "dev", built)
		if err != nil {
			t.Fatal(err)
		}
		references = append(references, reference)
	}
	if references[0] != references[1] {
		t.Errorf("the same binary gave %s and %s", references[0], references[1])
	}
	if !strings.HasPrefix(references[0], host+"/team/program:dev@sha256:") {
		t.Errorf("reference = %s, want registry, name, tag and digest", references[0])
	}

	parsed, err := name.ParseReference(references[0], name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(parsed)
	if err != nil {
		t.Fatal(err)
	}
	config, err := pulled.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != nobody || config.OS != "linux" || strings.Join(config.Config.Entrypoint, " ") != "/program" {
		t.Errorf("config = %+v", config)
	}
	layers, err := pulled.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v; want 1", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	files := map[string]int64{}
	for reader := tar.NewReader(content); ; {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = header.Mode
	}
	if len(files) != 2 || files["program"] != 0o755 || files["tmp/"] != 0o1777 {
		t.Errorf("files = %v", files)
	}
}

func TestBuildRefusesWhatCannotRun(t *testing.T) {
	text := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for binary, want := range map[string]string{
		text:          "not a Linux binary",
		text + "-not": "no such file",
		"/bin/sh":     "CGO_ENABLED=0",
	} {
		if _, err := Build(Source{Binary: binary, Name: "x"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Build(%s): %v, want %q in the error", binary, err, want)
		}
	}
}
