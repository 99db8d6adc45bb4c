package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func serve(t *testing.T, dir string) string {
	t.Helper()
	handler, err := persistManifests(filepath.Join(dir, "manifests"),
		registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(filepath.Join(dir, "blobs")))))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestImagesOutliveTheRegistry(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(serve(t, dir)+"/team/app:dev", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}

	restarted := serve(t, dir)
	for _, reference := range []string{":dev", "@" + digest.String()} {
		parsed, err := name.ParseReference(restarted+"/team/app"+reference, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		pulled, err := remote.Image(parsed)
		if err != nil {
			t.Fatalf("%s after a restart: %v", reference, err)
		}
		if got, err := pulled.Digest(); err != nil || got != digest {
			t.Errorf("%s = %s, %v; want %s", reference, got, err, digest)
		}
	}
}

func TestARefusedManifestIsNotKept(t *testing.T) {
	dir := t.TempDir()
	host := serve(t, dir)
	request, err := http.NewRequest(http.MethodPut, "http://"+host+"/v2/app/manifests/dev",
		strings.NewReader(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:0000"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/vnd.oci.image.index.v1+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode == http.StatusCreated {
		t.Fatal("an index of absent images was accepted")
	}
	if files, _ := os.ReadDir(filepath.Join(dir, "manifests")); len(files) > 0 {
		t.Errorf("kept %v", files)
	}
}
