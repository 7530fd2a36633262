package socketio_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// asItIs lets rows stay: these tests begin sessions that nobody ends.
var asItIs = socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend { return b }}

// handshake is the request that begins a session.
func handshake(transport string, header http.Header) engine.Request {
	return engine.Request{Method: "GET", Header: header, Query: map[string][]string{"EIO": {"4"}, "transport": {transport}}, URL: "/socket.io/"}
}

// An application refuses in its own words: a *ConnectError is for the client, any other error for the log.
func TestAllowRequestOfAnApplication(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"allowed":        {nil, ""},
		"a ConnectError": {fmt.Errorf("ada: %w", &socketio.ConnectError{Message: "log in first"}), `{"code":4,"message":"log in first"}`},
		"an error":       {errors.New("secret"), `{"code":4,"message":"Forbidden"}`},
		"a nil pointer":  {(*socketio.ConnectError)(nil), `{"code":4,"message":"Forbidden"}`},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logbook{}
			io := socketio.New(socketio.Options{Logger: log.logger(), AllowRequest: func(_ ctx, r socketio.Request) error {
				if r.Header.Get("X-Who") != "ada" {
					return errors.New("who?")
				}
				return c.err
			}})
			e := testparts.Engine(socketiotest.New(t, io, asItIs))
			header := http.Header{"X-Who": {"ada"}}
			answers := map[string]engine.Response{"polling": e.HTTP(t.Context(), handshake("polling", header))}
			if c.want != "" { // a connection that is allowed would be waited for
				answers["websocket"] = e.Connect(t.Context(), "c", handshake("websocket", header))
			}
			for transport, got := range answers {
				if c.want == "" && got.Status != 200 || c.want != "" && (got.Status != 403 || string(got.Body) != c.want) {
					t.Errorf("%s: %d %s", transport, got.Status, got.Body)
				}
			}
			if told := len(log.lines(t, "AllowRequest refused a request")); told > 0 != strings.Contains(c.want, "Forbidden") {
				t.Errorf("logged %d lines", told)
			}
		})
	}
}

// What an application says of its transports reaches its engine.
func TestAnApplicationsTransports(t *testing.T) {
	io := socketio.New(socketio.Options{Transports: []string{"polling"}, MaxPayload: 1000, NoUpgrades: true})
	e := testparts.Engine(socketiotest.New(t, io, asItIs))
	if got := e.Connect(t.Context(), "c", handshake("websocket", http.Header{})); string(got.Body) != `{"code":0,"message":"Transport unknown"}` {
		t.Errorf("%s", got.Body)
	}
	if got := e.HTTP(t.Context(), handshake("polling", http.Header{})); !strings.Contains(string(got.Body), `"upgrades":[]`) || !strings.Contains(string(got.Body), `"maxPayload":1000`) {
		t.Errorf("%s", got.Body)
	}
	_, err := socketio.New(socketio.Options{Transports: []string{"webtransport"}}).Bind(backendOf(t))
	if err == nil || !strings.Contains(err.Error(), `Transports has "webtransport"`) {
		t.Error(err)
	}
}

// backendOf returns a backend that another server has.
func backendOf(t *testing.T) (b socketio.Backend) {
	io, _ := newServer()
	socketiotest.New(t, io, socketiotest.Options{Wrap: func(given socketio.Backend) socketio.Backend { b = given; return given }})
	b.Options = engine.Options{}
	return b
}
