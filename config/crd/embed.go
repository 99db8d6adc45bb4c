// Package crd embeds the generated CustomResourceDefinitions.
package crd

import "embed"

// Bases has one file a kind, under bases/.
//
//go:embed bases/*.yaml
var Bases embed.FS
