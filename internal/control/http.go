package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/dozeio/doze/pkg/socketio"
)

// Path is where a server in one process is asked.
const Path = "/_doze"

// request is what is asked.
type request struct {
	Do     string            `json:"do"` // rooms, sockets, reaches, emit, join, disconnect, kick, end, clients, client, traffic or webSockets
	Target Target            `json:"target"`
	Event  string            `json:"event,omitempty"`
	Args   []json.RawMessage `json:"args,omitempty"`
	Rooms  []string          `json:"rooms,omitempty"`
	Close  bool              `json:"close,omitempty"`
	Reason string            `json:"reason,omitempty"`
	Asked  Asked             `json:"asked"`
	Client string            `json:"client,omitempty"`
}

// answer is what is said.
type answer struct {
	Rooms      []socketio.Room `json:"rooms,omitempty"`
	Sockets    []Socket        `json:"sockets,omitempty"`
	Clients    []Client        `json:"clients,omitempty"`
	Client     *Known          `json:"client,omitempty"`
	Traffic    *Traffic        `json:"traffic,omitempty"`
	Reaches    bool            `json:"reaches,omitempty"`
	WebSockets string          `json:"webSockets,omitempty"` // a URL, or a path of the same origin
	Unknown    bool            `json:"unknown,omitempty"`    // the error is ErrUnknown
	Error      string          `json:"error,omitempty"`
}

// maxRequest is more than an event may be.
const maxRequest = 1 << 20

// Handler answers Path for a deployment, whose traffic is counted by a function. webSockets is where its clients connect:
// a path of the same origin, or a URL where that is another. It asks nobody who they are, and
// refuses browsers, which send an Origin with any POST, so that no web page can do this to the server of a developer's
// machine.
func Handler(d Deployment, webSockets string, traffic func() Traffic) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Origin") != "" {
			http.Error(w, "only doze emit and its siblings are answered here", http.StatusForbidden)
			return
		}
		var asked request
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err == nil {
			err = json.Unmarshal(body, &asked)
		}
		var said answer
		switch {
		case err != nil:
		case asked.Do == "traffic":
			counted := traffic()
			said.Traffic = &counted
		case asked.Do == "webSockets":
			said.WebSockets = webSockets
		default:
			said, err = asked.of(r.Context(), d)
		}
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			said = answer{Error: err.Error(), Unknown: errors.Is(err, ErrUnknown)}
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		_ = json.NewEncoder(w).Encode(said) // who has left learns nothing
	})
}

func (r request) of(ctx context.Context, d Deployment) (a answer, err error) {
	switch r.Do {
	case "rooms":
		a.Rooms, err = d.Rooms(ctx, r.Target.Namespace)
	case "sockets":
		a.Sockets, err = d.Sockets(ctx, r.Target)
	case "reaches":
		a.Reaches, err = d.Reaches(ctx, r.Target)
	case "emit":
		err = d.Emit(ctx, r.Target, r.Event, r.Args...)
	case "join":
		err = d.Join(ctx, r.Target, r.Rooms...)
	case "disconnect":
		err = d.Disconnect(ctx, r.Target, r.Close, r.Reason)
	case "kick":
		err = d.Kick(ctx, r.Target.Namespace, r.Client, r.Reason)
	case "end":
		err = d.End(ctx, Client{Name: r.Client})
	case "clients":
		a.Clients, err = d.Clients(ctx, r.Asked)
	case "client":
		var k Known
		k, err = d.Client(ctx, r.Client)
		a.Client = &k
	default:
		err = fmt.Errorf("%q is not known: was it asked by a newer version of doze?", r.Do)
	}
	return a, err
}

// At returns the server in one process at a URL, such as http://127.0.0.1:3000.
func At(url string) Deployment { return remote{strings.TrimSuffix(url, "/") + Path} }

type remote struct{ url string }

func (d remote) ask(ctx context.Context, r request) (a answer, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return a, err
	}
	sent, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	got, err := http.DefaultClient.Do(sent)
	if err != nil {
		return a, fmt.Errorf("no answer from %s: start doze dev, or name where it is, of doze serve the address that its -inner says: %w", d.url, errors.Unwrap(err))
	}
	defer got.Body.Close()
	body, err = io.ReadAll(got.Body)
	switch {
	case err != nil:
		return a, err
	case json.Unmarshal(body, &a) != nil:
		return a, fmt.Errorf("%s answered %s: it is no doze dev of this version; of doze serve, name the address that its -inner says", d.url, got.Status)
	case a.Unknown:
		return a, unknownAtOne(r.Client)
	case a.Error != "":
		return a, errors.New(a.Error)
	}
	return a, nil
}

func (d remote) Rooms(ctx context.Context, namespace string) ([]socketio.Room, error) {
	a, err := d.ask(ctx, request{Do: "rooms", Target: Target{Namespace: namespace}})
	return a.Rooms, err
}

func (d remote) Sockets(ctx context.Context, t Target) ([]Socket, error) {
	a, err := d.ask(ctx, request{Do: "sockets", Target: t})
	return a.Sockets, err
}

func (d remote) Reaches(ctx context.Context, t Target) (bool, error) {
	a, err := d.ask(ctx, request{Do: "reaches", Target: t})
	return a.Reaches, err
}

func (d remote) Emit(ctx context.Context, t Target, event string, args ...json.RawMessage) error {
	_, err := d.ask(ctx, request{Do: "emit", Target: t, Event: event, Args: args})
	return err
}

func (d remote) Join(ctx context.Context, t Target, rooms ...string) error {
	_, err := d.ask(ctx, request{Do: "join", Target: t, Rooms: rooms})
	return err
}

func (d remote) Disconnect(ctx context.Context, t Target, closeConnection bool, reason string) error {
	_, err := d.ask(ctx, request{Do: "disconnect", Target: t, Close: closeConnection, Reason: reason})
	return err
}

func (d remote) Kick(ctx context.Context, namespace, id, reason string) error {
	_, err := d.ask(ctx, request{Do: "kick", Target: Target{Namespace: namespace}, Client: id, Reason: reason})
	return err
}

func (d remote) End(ctx context.Context, c Client) error {
	_, err := d.ask(ctx, request{Do: "end", Client: c.Name})
	return err
}

func (d remote) Clients(ctx context.Context, asked Asked) ([]Client, error) {
	a, err := d.ask(ctx, request{Do: "clients", Asked: asked})
	return a.Clients, err
}

func (d remote) Client(ctx context.Context, id string) (Known, error) {
	a, err := d.ask(ctx, request{Do: "client", Client: id})
	if err == nil && a.Client == nil {
		err = fmt.Errorf("%s knows no doze show: it is no doze dev of this version", d.url)
	}
	if err != nil {
		return Known{}, err
	}
	return *a.Client, nil
}
