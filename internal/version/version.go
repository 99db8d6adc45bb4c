// Package version says which build this is.
package version

// Version of the build, set by the linker; "dev" otherwise.
var Version = "dev"
