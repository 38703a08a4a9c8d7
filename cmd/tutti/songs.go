package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

// serveSongs gives pages the operator's accompaniments: the files of a directory, none outside of it, and no list of them.
func serveSongs(dir string) (http.Handler, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("--songs: %w", err)
	}
	files := http.StripPrefix("/songs/", http.FileServerFS(root.FS()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		files.ServeHTTP(w, r)
	}), nil
}
