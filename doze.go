// Package doze holds what a deployment is made of besides code. An application imports package
// github.com/dozeio/doze/pkg/socketio; README.md shows one.
package doze

import "embed"

// Files are files of this repository under their own names, for what must not have a copy that could differ: doze new
// writes them to a new project, doze cost reckons with what docs/costs.md says was measured.
//
//go:embed go.mod go.sum template.yaml samconfig.toml functions/*/main.go docs/costs.md
var Files embed.FS
