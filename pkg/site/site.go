// Package site serves what browsers get from a deployment besides the protocol: the files of the Socket.IO client, and
// client.json, which tells a page how the clients of this deployment connect.
package site

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// Options say what a deployment serves. The zero value of each field means its default.
type Options struct {
	Path   string // of the protocol, and of the client's files; default /socket.io/
	Client string // folder with socket.io.js and its siblings; where they are not, requests are sent to Socket.IO's CDN

	// WebSocket is the address of the WebSocket API where it has another origin than the page, such as
	// wss://abc123.execute-api.eu-west-1.amazonaws.com/live. Default: the same origin.
	WebSocket string
}

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

// cdn has the client where no npm package is near, in the version that tests/package.json names:
// https://socket.io/docs/v4/client-installation/.
const cdn = "https://cdn.socket.io/4.8.4/"

// Handler serves the client's files and client.json, and leaves other requests to next: the application's page. A path
// that no file can have is refused with 400: http.FileServer would answer it with 500. Handler returns an error when
// Options.WebSocket is no address.
func Handler(o Options, next http.Handler) (http.Handler, error) {
	if o.Path == "" {
		o.Path = "/socket.io/"
	}
	settings, err := clientSettings(o.WebSocket)
	if err != nil {
		return nil, err
	}
	etag := `"` + clientVersion(o.Client) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.ContainsRune(r.URL.Path, 0) || !utf8.ValidString(r.URL.Path) {
			http.Error(w, "the path is not a name in UTF-8", http.StatusBadRequest)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		dir, name := path.Split(r.URL.Path)
		kind, ok := clientNames[name]
		switch {
		case r.URL.Path == "/client.json":
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-cache")
			_, _ = w.Write(settings)
		case ok && dir == strings.TrimSuffix(o.Path, "/")+"/":
			w.Header().Set("Content-Type", kind)
			w.Header().Set("ETag", etag)
			clientFile(w, r, o.Client, name)
		default:
			next.ServeHTTP(w, r)
		}
	}), nil
}

func clientFile(w http.ResponseWriter, r *http.Request, folder, name string) {
	f, err := os.Open(filepath.Join(folder, name))
	if folder == "" || err != nil {
		w.Header().Del("ETag")
		http.Redirect(w, r, cdn+name, http.StatusFound)
		return
	}
	defer f.Close()
	// Browsers ask each time, as Socket.IO's server has it; CloudFront asks once an hour.
	w.Header().Set("Cache-Control", "public, max-age=0, s-maxage=3600")
	http.ServeContent(w, r, name, time.Time{}, f)
}

// clientSettings returns the options of a client, in JSON. A client passes the options of a transport on as they are:
// https://socket.io/docs/v4/client-options/#transportoptions.
func clientSettings(address string) ([]byte, error) {
	type transport struct {
		Hostname string `json:"hostname"`
		Port     string `json:"port,omitempty"`
		Secure   bool   `json:"secure"`
		Path     string `json:"path"`
	}
	var settings struct {
		TransportOptions map[string]transport `json:"transportOptions,omitempty"`
	}
	if address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
			return nil, fmt.Errorf("site: %q is not the address of a WebSocket API: write wss://HOST/STAGE", address)
		}
		settings.TransportOptions = map[string]transport{"websocket": {u.Hostname(), u.Port(), u.Scheme == "wss", u.Path}}
	}
	return json.Marshal(settings)
}

// FindClient returns the folder with the client's files of the npm package socket.io, looking for it in the working
// folder, its parents, and their tests folders; "" when there is none.
func FindClient() string {
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

// Source says where a Handler with this Options.Client gets the client's files from, in words that follow "from".
func Source(client string) string {
	if _, err := os.Stat(filepath.Join(client, "socket.io.js")); client == "" || err != nil {
		return cdn + ": for pages that work without it, npm install socket.io"
	}
	return client + ", version " + clientVersion(client)
}

// clientVersion returns the version of the npm package that a folder belongs to, or was copied from.
func clientVersion(folder string) string {
	var p struct {
		Version string `json:"version"`
	}
	for _, place := range []string{folder, filepath.Dir(folder)} {
		b, err := os.ReadFile(filepath.Join(place, "package.json"))
		if err == nil && json.Unmarshal(b, &p) == nil {
			return p.Version
		}
	}
	return "unknown"
}
