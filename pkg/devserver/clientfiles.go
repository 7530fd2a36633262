package devserver

import (
	"encoding/json"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// clientNames are the files of the client, as Socket.IO's own server has them.
var clientNames = map[string]string{
	"socket.io.js":                 "text/javascript; charset=utf-8",
	"socket.io.min.js":             "text/javascript; charset=utf-8",
	"socket.io.esm.min.js":         "text/javascript; charset=utf-8",
	"socket.io.msgpack.min.js":     "text/javascript; charset=utf-8",
	"socket.io.js.map":             "application/json; charset=utf-8",
	"socket.io.min.js.map":         "application/json; charset=utf-8",
	"socket.io.esm.min.js.map":     "application/json; charset=utf-8",
	"socket.io.msgpack.min.js.map": "application/json; charset=utf-8",
}

// cdn has the client where no npm package is near: https://socket.io/docs/v4/client-installation/.
const cdn = "https://cdn.socket.io/4.8.1/"

// clientFiles serves the client's files below the front door's path, and leaves the rest to next.
func clientFiles(folder, prefix string, next http.Handler) http.Handler {
	if prefix == "" {
		prefix = "/socket.io/"
	}
	if folder == "" {
		folder = findClient()
	}
	etag := `"` + clientVersion(folder) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dir, name := path.Split(r.URL.Path)
		kind, ok := clientNames[name]
		if !ok || dir != strings.TrimSuffix(prefix, "/")+"/" || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		f, err := os.Open(filepath.Join(folder, name))
		if folder == "" || err != nil {
			http.Redirect(w, r, cdn+name, http.StatusFound)
			return
		}
		defer f.Close()
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "public, max-age=0")
		w.Header().Set("ETag", etag)
		http.ServeContent(w, r, name, time.Time{}, f)
	})
}

// findClient looks for the npm package in this folder, its parents, and their tests folders.
func findClient() string {
	here, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; ; here = filepath.Dir(here) {
		for _, parent := range []string{here, filepath.Join(here, "tests")} {
			folder := filepath.Join(parent, "node_modules", "socket.io", "client-dist")
			if _, err := os.Stat(filepath.Join(folder, "socket.io.js")); err == nil {
				return folder
			}
		}
		if here == filepath.Dir(here) {
			return ""
		}
	}
}

// clientVersion returns the version of the npm package that a folder belongs to.
func clientVersion(folder string) string {
	var p struct {
		Version string `json:"version"`
	}
	b, err := os.ReadFile(filepath.Join(filepath.Dir(folder), "package.json"))
	if err != nil || json.Unmarshal(b, &p) != nil {
		return "unknown"
	}
	return p.Version
}
