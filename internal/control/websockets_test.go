package control

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWhereWebSocketsAre asks servers that say a path, an address of their own, and all addresses.
func TestWhereWebSocketsAre(t *testing.T) {
	for says, want := range map[string]string{
		"/chat/":                             "ws://HOST/chat/",
		"http://10.0.0.7:3000/socket.io/":    "ws://10.0.0.7:3000/socket.io/",
		"http://[::]:3000/socket.io/":        "ws://127.0.0.1:3000/socket.io/",
		"http://0.0.0.0:3000/socket.io/":     "ws://127.0.0.1:3000/socket.io/",
		"https://chat.example:443/socket.io": "wss://chat.example:443/socket.io",
	} {
		s := httptest.NewServer(Handler(nil, says, nil))
		got, err := WebSocketsAt(t.Context(), s.URL)
		s.Close()
		if want = strings.Replace(want, "HOST", strings.TrimPrefix(s.URL, "http://"), 1); err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", says, got, err, want)
		}
	}
}
