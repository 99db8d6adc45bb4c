// Package image makes container images of static binaries, without Docker, and loads them into a registry.
package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is the user that images run as: the customary id of "nonroot".
const nobody = "65532:65532"

// Source is what an image is made of.
type Source struct {
	Binary     string   // a static Linux binary; it becomes /NAME
	Name       string   // repository and name of the binary in the image
	Entrypoint []string // empty: the binary
}

// Build makes an image that holds the binary, an empty /tmp and nothing else, runs as nobody, and is the same for the
// same input.
func Build(source Source) (v1.Image, error) {
	if err := checkStatic(source.Binary); err != nil {
		return nil, err
	}
	content, err := archive(source)
	if err != nil {
		return nil, err
	}
	// Uncompressed: it only ever travels over the loopback.
	layer := static.NewLayer(content, types.OCIUncompressedLayer)
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config.User = nobody
	config.Config.WorkingDir = "/"
	config.Config.Env = []string{"PATH=/"}
	config.Config.Entrypoint = source.Entrypoint
	if len(source.Entrypoint) == 0 {
		config.Config.Entrypoint = []string{"/" + path.Base(source.Name)}
	}
	return mutate.ConfigFile(image, config)
}

// checkStatic refuses what an image without a C library cannot run.
func checkStatic(binary string) error {
	file, err := elf.Open(binary)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return err
		}
		return fmt.Errorf("%s is not a Linux binary: %w", binary, err)
	}
	defer file.Close()
	for _, header := range file.Progs {
		if header.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is linked dynamically and the image has no C library: build it with CGO_ENABLED=0", binary)
		}
	}
	return nil
}

func archive(source Source) ([]byte, error) {
	content, err := os.ReadFile(source.Binary)
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	headers := []tar.Header{
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
		{Typeflag: tar.TypeReg, Name: path.Base(source.Name), Mode: 0o755, Size: int64(len(content))},
	}
	for _, header := range headers {
		if err := writer.WriteHeader(&header); err != nil {
			return nil, err
		}
	}
	if _, err := writer.Write(content); err != nil {
		return nil, err
	}
	return buffer.Bytes(), writer.Close()
}

// Push loads the image into a registry, unless it is there, and returns its reference with the digest.
func Push(registry, repository, tag string, image v1.Image) (string, error) {
	target, err := name.NewTag(registry+"/"+repository+":"+tag, name.StrictValidation, name.Insecure)
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	reference := target.String() + "@" + digest.String()
	if there, err := remote.Head(target); err == nil && there.Digest == digest {
		return reference, nil
	}
	if err := remote.Write(target, image); err != nil {
		return "", fmt.Errorf("pushing %s: %w", target, err)
	}
	return reference, nil
}
