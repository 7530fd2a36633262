package site_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dozeio/doze/pkg/site"
)

func get(t *testing.T, o site.Options, path string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := site.Handler(o, http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestClientSettings(t *testing.T) {
	for address, want := range map[string]string{
		"": `{}`,
		"wss://abc.execute-api.eu-west-1.amazonaws.com/live": `{"transportOptions":{"websocket":{"hostname":"abc.execute-api.eu-west-1.amazonaws.com","secure":true,"path":"/live"}}}`,
		"ws://127.0.0.1:4566/_aws/execute-api/x/live":        `{"transportOptions":{"websocket":{"hostname":"127.0.0.1","port":"4566","secure":false,"path":"/_aws/execute-api/x/live"}}}`,
	} {
		if w := get(t, site.Options{WebSocket: address}, "/client.json"); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s", address, w.Code, w.Body)
		}
	}
	for _, address := range []string{"abc", "https://example.com/live", "wss:///live"} {
		if _, err := site.Handler(site.Options{WebSocket: address}, nil); err == nil || !strings.Contains(err.Error(), "wss://HOST/STAGE") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestOtherPathsAreTheApplications(t *testing.T) {
	for _, path := range []string{"/", "/socket.io/", "/socket.io/other.js", "/socket.io.js", "/other/client.json"} {
		if w := get(t, site.Options{}, path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := get(t, site.Options{Path: "/chat/"}, "/chat/socket.io.js"); w.Code != http.StatusFound {
		t.Errorf("below another path: %d", w.Code)
	}
}

// TestClientHasOneVersion compares what browsers get from the CDN with what the tests run on.
func TestClientHasOneVersion(t *testing.T) {
	var pinned struct {
		Versions map[string]string `json:"dependencies"`
	}
	if b, err := os.ReadFile("../../tests/package.json"); err != nil || json.Unmarshal(b, &pinned) != nil {
		t.Fatal(err, string(b))
	}
	want := "https://cdn.socket.io/" + pinned.Versions["socket.io"] + "/socket.io.js"
	if got := get(t, site.Options{}, "/socket.io/socket.io.js").Header().Get("Location"); got != want || pinned.Versions["socket.io-client"] != pinned.Versions["socket.io"] {
		t.Errorf("the CDN's client is %s, tests have %s and the client %s", got, want, pinned.Versions["socket.io-client"])
	}
	version := regexp.MustCompile(`socket\.io[ @](\d+\.\d+\.\d+)`)
	for _, name := range []string{"index.html", "client.js"} {
		page, err := os.ReadFile("../../app/page/" + name)
		named := version.FindAllStringSubmatch(string(page), -1)
		if err != nil || len(named) == 0 {
			t.Errorf("the chat's %s names no version of socket.io: %v", name, err)
		}
		for _, n := range named {
			if n[1] != pinned.Versions["socket.io"] {
				t.Errorf("the chat's %s is for socket.io %s, tests have %s", name, n[1], pinned.Versions["socket.io"])
			}
		}
	}
}

// TestNoPathIsAnErrorOfTheServer asks for names with each byte there is.
func TestNoPathIsAnErrorOfTheServer(t *testing.T) {
	files := map[string]http.Handler{
		"compiled in": http.FileServerFS(fstest.MapFS{"index.html": {Data: []byte("the page")}}),
		"of a folder": http.FileServer(http.Dir(t.TempDir())),
	}
	for name, next := range files {
		h, err := site.Handler(site.Options{}, next)
		if err != nil {
			t.Fatal(err)
		}
		for b := range 256 {
			for _, pattern := range []string{"/%%%02x", "/a%%%02xb", "/%%%02x/..", "/socket.io/%%%02x.js"} {
				path := fmt.Sprintf(pattern, b)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
				if w.Code >= 500 || b >= 0x80 && w.Code != 400 {
					t.Errorf("%s: %s: %d %s", name, path, w.Code, w.Body)
				}
			}
		}
	}
}
