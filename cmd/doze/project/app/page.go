package app

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed page
var page embed.FS

// Page serves the files in the folder page.
func Page() http.Handler {
	root, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	files := http.FileServerFS(root)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
}
