// Package walltimetest has the time zones that tests of wall-clock rules draw from.
package walltimetest

import (
	"archive/zip"
	"go/build"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Zones are the names of all zones in the tz database of the Go toolchain that runs the test, sorted.
func Zones(tb testing.TB) []string {
	tb.Helper()
	database, err := zip.OpenReader(filepath.Join(build.Default.GOROOT, "lib", "time", "zoneinfo.zip"))
	if err != nil {
		tb.Fatalf("read the tz database of the Go toolchain: %v", err)
	}
	defer database.Close()
	var names []string
	for _, file := range database.File {
		if !strings.HasSuffix(file.Name, "/") && file.Name != "Factory" {
			names = append(names, file.Name)
		}
	}
	if len(names) < 400 {
		tb.Fatalf("the tz database has only %d zones", len(names))
	}
	return names
}

// Load the zone.
func Load(tb interface {
	Helper()
	Fatal(...any)
}, name string) *time.Location {
	tb.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return loc
}
