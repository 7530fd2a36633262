package control

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
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

// TestHowATailEnds has the words for each way that a connection ends.
func TestHowATailEnds(t *testing.T) {
	for want, err := range map[string]error{
		"run doze tail again when it is back": fmt.Errorf("read: %w", websocket.CloseError{Code: 1001}),
		"(1000), as doze drain":               fmt.Errorf("read: %w", websocket.CloseError{Code: 1000}),
		"with the code 1009 too big":          fmt.Errorf("read: %w", websocket.CloseError{Code: 1009, Reason: "too big"}),
		"the connection has ended: broken":    errors.New("broken"),
	} {
		if got := lost(err).Error(); !strings.Contains(got, want) || strings.Contains(got, "status =") {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
