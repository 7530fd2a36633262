package devserver_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
)

// open begins a session and returns what the server said to it.
func open(t *testing.T, url string, header ...string) (answer *http.Response, open protocol.Open) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/socket.io/?EIO=4&transport=polling", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK && (len(b) == 0 || json.Unmarshal(b[1:], &open) != nil) {
		t.Fatalf("%q is no open packet", b)
	}
	return res, open
}

func start(t *testing.T, o devserver.Options, io *socketio.Server) *devserver.Server {
	t.Helper()
	s, err := devserver.Start(o, io)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		if <-s.Ended(); s.Err() != nil {
			t.Error(s.Err())
		}
	})
	return s
}

func TestAnApplicationsOptionsReachItsClients(t *testing.T) {
	says := func() *socketio.Server {
		return socketio.New(socketio.Options{PingInterval: 7 * time.Second, AllowOrigins: []string{"https://app.example"}})
	}
	s := start(t, devserver.Options{}, says())
	if _, opened := open(t, s.URL); opened.PingInterval != 7000 || opened.PingTimeout != 20000 || s.Warning != "" {
		t.Errorf("opened with %+v, warning %q", opened, s.Warning)
	}
	s = start(t, devserver.Options{Engine: engine.Options{PingInterval: 8 * time.Second, AllowOrigins: []string{"https://set.example"}}}, says())
	if _, opened := open(t, s.URL); opened.PingInterval != 8000 {
		t.Errorf("what was set is not done: %+v", opened)
	}
	for origin, want := range map[string]int{"https://app.example": 200, "https://set.example": 200, "https://other.example": 403} {
		if res, _ := open(t, s.URL, "Origin", origin); res.StatusCode != want {
			t.Errorf("a page of %s: %s, want %d", origin, res.Status, want)
		}
	}
}

func TestWhatCannotRunIsAnError(t *testing.T) {
	io := socketio.New(socketio.Options{})
	s := start(t, devserver.Options{}, io)
	for want, c := range map[string]struct {
		o  devserver.Options
		io *socketio.Server
	}{
		"has a backend already":  {devserver.Options{}, io},
		"is taken":               {devserver.Options{Addr: strings.TrimPrefix(s.URL, "http://")}, socketio.New(socketio.Options{})},
		"at least a millisecond": {devserver.Options{}, socketio.New(socketio.Options{PingInterval: time.Nanosecond})},
		"/socket.io/":            {devserver.Options{Gateway: gateway.Options{Path: "/chat/"}}, socketio.New(socketio.Options{})},
	} {
		if _, err := devserver.Start(c.o, c.io); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
