// Command registry is an OCI image registry on the loopback that keeps its images across restarts.
package main

import (
	"flag"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	address := flag.String("address", "127.0.0.1:5000", "where to listen")
	dir := flag.String("dir", "", "folder of the images (required)")
	flag.Parse()
	if *dir == "" {
		log.Fatal("registry: -dir is required: the folder to keep images in")
	}
	blobs := filepath.Join(*dir, "blobs")
	if err := os.MkdirAll(blobs, 0o700); err != nil {
		log.Fatal(err)
	}
	handler, err := persistManifests(filepath.Join(*dir, "manifests"),
		registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs))))
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: *address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
