// Package web holds the page: its sources in src, a folder for each screen or for what several of them share, and, once `make web` has run, its build,
// which goes into the binary.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Dist is the page's build: index.html and assets/. It is empty but for a placeholder when the page was not built.
func Dist() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the directory is embedded, so this is a mistake in this file
	}
	return sub
}
