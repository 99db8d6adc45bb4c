package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
)

const maxManifest = 4 << 20

var manifestPath = regexp.MustCompile(`^/v2/.+/manifests/[^/]+$`)

// manifest is an accepted upload, as stored.
type manifest struct {
	Path      string `json:"path"`
	MediaType string `json:"mediaType"`
	Content   []byte `json:"content"`
}

// persistManifests wraps a registry, which keeps manifests in memory only, so that those it accepted are on disk
// before it says so, and gives it back the stored ones.
func persistManifests(dir string, next http.Handler) (http.Handler, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := replay(dir, next); err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut || !manifestPath.MatchString(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxManifest))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		if answer.Code == http.StatusCreated {
			if err := store(dir, manifest{r.URL.Path, r.Header.Get("Content-Type"), body}); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}), nil
}

func store(dir string, m manifest) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	name := url.PathEscape(m.Path)
	temporary := filepath.Join(dir, "."+name)
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(dir, name))
}

// replay uploads the stored manifests. One whose blobs are gone is dropped: its image has to be loaded again.
func replay(dir string, next http.Handler) error {
	files, err := filepath.Glob(filepath.Join(dir, "%2F*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var m manifest
		if err := json.Unmarshal(data, &m); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		request := httptest.NewRequest(http.MethodPut, m.Path, bytes.NewReader(m.Content))
		request.Header.Set("Content-Type", m.MediaType)
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, request)
		if answer.Code != http.StatusCreated {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}
