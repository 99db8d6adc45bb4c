// Package samples holds support organisations to start from, one folder a structure.
package samples

import "embed"

// FS has the folders.
//
//go:embed flat follow-the-sun three-tier
var FS embed.FS
