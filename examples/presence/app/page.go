package app

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed page
var page embed.FS

// policy is the page's: no script but its own and the Socket.IO client, no frame around it, no form that leads
// elsewhere.
const policy = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; script-src 'self' https://cdn.socket.io; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Page serves the files in the folder page.
func Page() http.Handler {
	root, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	files := http.FileServerFS(root)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
}
