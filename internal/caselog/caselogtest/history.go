// Package caselogtest finds the real history that tests play where it is: the project itself ships none.
package caselogtest

import (
	"fmt"
	"os"
	"path/filepath"
)

// Cases of the real history.
const Cases = 1487

// RealHistory is the event log that CASELOAD_DATA names, else shared/data/volvo-it-problems.csv beside the checkout. The error
// says where it is not, and what to do.
func RealHistory() (path string, err error) {
	path = os.Getenv("CASELOAD_DATA")
	if path == "" {
		root, err := checkout()
		if err != nil {
			return "", err
		}
		path = filepath.Join(root, "..", "shared", "data", "volvo-it-problems.csv")
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not there: CASELOAD_DATA names an event log of %d real cases", path, Cases)
	}
	return path, nil
}

// checkout is the nearest folder above that has a module.
func checkout() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", os.ErrNotExist
		}
	}
	return "", err
}
