package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/socketio"
)

// Client is who holds a session, over a connection or by polling.
type Client struct {
	Name      string    `json:"client"`    // the connection's id, or a hash for one that polls: as the log has it
	Transport string    `json:"transport"` // websocket or polling
	Since     time.Time `json:"since"`     // of the session, which an upgrade keeps
	Pong      time.Time `json:"pong"`      // when the last one came; the handshake counts as one
	Sockets   []Member  `json:"sockets"`
	Unjoined  bool      `json:"unjoined,omitempty"` // over a connection that has never joined a namespace; only Clients says so

	address engine.Address
}

// Member is a socket of a client in a namespace.
type Member struct {
	ID        string          `json:"id"`
	Namespace string          `json:"namespace"`
	Rooms     []string        `json:"rooms"` // nil: they were not read
	Data      json.RawMessage `json:"data"`  // null for none
}

// Asked says whom Clients is to return, and what of them.
type Asked struct {
	Namespace string `json:"namespace,omitempty"` // of whom to return; empty for all, and for who has joined none
	Rooms     bool   `json:"rooms,omitempty"`     // those of each socket, too
}

// Known is all that a table knows of a client.
type Known struct {
	Client
	State     engine.State      `json:"state"` // open, probing, draining, or closed for some minutes
	Reason    engine.Reason     `json:"reason,omitempty"`
	Expires   time.Time         `json:"expires"`
	Upgrading string            `json:"upgrading,omitempty"` // the connection that is to take over
	Doubted   *time.Time        `json:"doubted,omitempty"`   // since when a sweep waits for a sign of life
	Polls     *time.Time        `json:"polls,omitempty"`     // until when a GET waits
	Waiting   Waiting           `json:"waiting"`
	Messages  int               `json:"messages,omitempty"` // over the connection, that were counted in the last seconds
	Left      []Gone            `json:"left"`
	Handshake *engine.Handshake `json:"handshake,omitempty"` // nil once the session is closed
}

// Waiting is what lies in an outbox.
type Waiting struct {
	Packets int `json:"packets"`
	Bytes   int `json:"bytes"`
}

// Gone is a socket that has left, while its client stayed or with it.
type Gone struct {
	ID        string          `json:"id"`
	Namespace string          `json:"namespace"`
	At        time.Time       `json:"at,omitzero"` // zero: with its client
	Reason    socketio.Reason `json:"reason"`
}

// ErrUnknown says that there is no such client, or no more.
var ErrUnknown = errors.New("no client has it: doze ls lists those who are there")

// isPollingName reports whether an id is an engine.Address's Name of a client that polls.
func isPollingName(id string) bool { return strings.HasPrefix(id, "polling-") }

// unknown is ErrUnknown for an id, and says where to look in Logs Insights for one that has gone.
func unknown(id string) error {
	return unknownBy(id, `filter message = "a socket is disconnected" and socket = "`+id+`"`, `filter session = "`+id+`"`, "the parameter LogLevel")
}

// unknownAtOne is unknown for a server in one process, whose log is text.
func unknownAtOne(id string) error {
	return unknownBy(id, `the line with msg="a socket is disconnected" and socket=`+id, "the lines with session="+id, "-v")
}

// unknownBy is unknown with how the log is asked for a socket and for a session, and what makes it tell all.
func unknownBy(id, socket, session, verbose string) error {
	look := `what is closed is known for some minutes, by its connection's id; for who has gone, look in the log: ` + socket
	if isPollingName(id) {
		look = `a client that polled is not known once it has gone, nor by this name once it has upgraded; look in the log: ` + session +
			`, where "a socket is connected" has the id of its socket, whose line "a socket is disconnected" has the reason, and ` +
			`"a session has moved to a connection" the id that it goes by since (the first and the last are there at the level DEBUG: ` + verbose + `)`
	}
	return fmt.Errorf("%s: %w; %s", id, ErrUnknown, look)
}

func (d direct) Clients(ctx context.Context, a Asked) ([]Client, error) {
	addresses, err := d.addresses(ctx)
	if err != nil {
		return nil, err
	}
	all, err := concurrently(addresses, func(l engine.Live) (Client, error) {
		s, err := d.sessions.Get(ctx, l.Address, false)
		if err != nil || !listed(s) {
			return Client{}, err
		}
		c := clientOf(s, l)
		_, connection := l.Address.Connection()
		c.Unjoined = connection && !l.Joined && len(c.Sockets) == 0 // the mark comes after the first socket
		if a.Namespace != "" {
			c.Sockets = slices.DeleteFunc(c.Sockets, func(m Member) bool { return m.Namespace != a.Namespace })
		}
		if a.Rooms {
			err = d.addRooms(ctx, c.Sockets)
		}
		return c, err
	})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(c Client) bool { return c.Name == "" || a.Namespace != "" && len(c.Sockets) == 0 })
	slices.SortFunc(all, func(a, b Client) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Name, b.Name))
	})
	return all, nil
}

// addresses returns the liveness rows of all shards.
func (d direct) addresses(ctx context.Context) (all []engine.Live, err error) {
	shards := make([]int, engine.Shards)
	for i := range shards {
		shards[i] = i
	}
	lives, err := concurrently(shards, func(shard int) ([]engine.Live, error) { return d.sessions.Lives(ctx, shard) })
	return slices.Concat(lives...), err
}

// concurrently calls f for each, some at a time, and returns what they return, or the first error.
func concurrently[From, To any](from []From, f func(From) (To, error)) ([]To, error) {
	all, errs := make([]To, len(from)), make([]error, len(from))
	slots := make(chan struct{}, atATime)
	var wg sync.WaitGroup
	for i := range from {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			all[i], errs[i] = f(from[i])
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// listed reports whether a row is that of a session that lives. A connection that probes is not one yet: the session
// that polls is.
func listed(s engine.Session) bool {
	_, connection := s.Address.Connection()
	return s.State == engine.Open || !connection && (s.State == engine.Probing || s.State == engine.Draining)
}

func clientOf(s engine.Session, l engine.Live) Client {
	c := Client{Name: s.Address.Name(), Transport: "polling", Since: s.Created, Pong: s.Ponged, Sockets: []Member{}, address: s.Address}
	if _, ok := s.Address.Connection(); ok {
		c.Transport, c.Pong = "websocket", l.Last
	}
	for _, r := range socketio.SocketRows(s) {
		if r.Left.IsZero() {
			m := Member{ID: r.ID, Namespace: r.Namespace, Data: json.RawMessage("null")}
			if r.Data != nil {
				m.Data = r.Data
			}
			c.Sockets = append(c.Sockets, m)
		}
	}
	return c
}

func (d direct) addRooms(ctx context.Context, sockets []Member) error {
	for i := range sockets {
		names, err := d.rooms.Rooms(ctx, sockets[i].Namespace, sockets[i].ID)
		if err != nil {
			return err
		}
		sockets[i].Rooms = append([]string{}, names...)
	}
	return nil
}

func (d direct) End(ctx context.Context, c Client) error {
	if c.address == "" { // it was named from elsewhere
		all, err := d.addresses(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(l engine.Live) bool { return l.Address.Name() == c.Name })
		if i < 0 {
			return nil
		}
		c.address = all[i].Address
	}
	err := d.engine.End(ctx, c.address)
	if !errors.Is(err, engine.ErrGone) {
		return err
	}
	s, err := d.sessions.Get(ctx, c.address, true)
	if err == nil && listed(s) {
		err = fmt.Errorf("%s: %w", c.Name, ErrUnknown)
	}
	return err
}

func (d direct) Client(ctx context.Context, id string) (Known, error) {
	a, err := d.find(ctx, id)
	if err != nil {
		return Known{}, err
	}
	s, err := d.sessions.Get(ctx, a, true)
	if err == nil && s.State == engine.Moved {
		s, err = d.sessions.Get(ctx, engine.ConnectionAddress(s.Connection), true)
	}
	if err != nil {
		return Known{}, err
	}
	if s.State == engine.Absent {
		return Known{}, unknown(id)
	}
	l, err := d.live(ctx, s.Address)
	if err != nil {
		return Known{}, err
	}
	k := knownOf(s, l)
	if s.State != engine.Closed {
		if err := d.addRooms(ctx, k.Sockets); err != nil {
			return k, err
		}
	}
	b, err := d.sessions.Handshake(ctx, s)
	if err == nil && b != nil {
		err = json.Unmarshal(b, &k.Handshake)
	}
	return k, err
}

// live returns the liveness row of an address, the zero Live when there is none.
func (d direct) live(ctx context.Context, a engine.Address) (engine.Live, error) {
	all, err := d.sessions.Lives(ctx, engine.Shard(a))
	for _, l := range all {
		if l.Address == a {
			return l, err
		}
	}
	return engine.Live{}, err
}

func knownOf(s engine.Session, l engine.Live) Known {
	k := Known{Client: clientOf(s, l), State: s.State, Reason: s.Reason, Expires: s.Expires, Messages: s.Counted, Left: []Gone{}}
	if s.State == engine.Probing || s.State == engine.Draining {
		k.Upgrading = s.Connection
	}
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	k.Doubted, k.Polls = at(s.Doubted), at(s.Poll.Until)
	for _, p := range s.Outbox {
		k.Waiting.Packets += len(p.Packets)
		for _, b := range p.Packets {
			k.Waiting.Bytes += len(b)
		}
	}
	for _, r := range socketio.SocketRows(s) {
		switch {
		case !r.Left.IsZero():
			k.Left = append(k.Left, Gone{r.ID, r.Namespace, r.Left, r.Reason})
		case s.State == engine.Closed:
			k.Left = append(k.Left, Gone{ID: r.ID, Namespace: r.Namespace, Reason: s.Reason})
		}
	}
	if s.State == engine.Closed {
		k.Sockets = []Member{}
	}
	return k
}

// find returns the address that an id stands for: of a socket, of a connection, or of a client that polls. A socket
// that is not in the namespace "/", or has left its namespace, is looked for among all sessions, and so are those that
// are closed and not cleaned up yet.
func (d direct) find(ctx context.Context, id string) (engine.Address, error) {
	polls := isPollingName(id)
	for cursor := ""; !polls; {
		page, next, err := d.rooms.Members(ctx, "/", id, cursor)
		if err != nil {
			return "", err
		}
		if i := slices.IndexFunc(page, func(m rooms.Member) bool { return m.Socket == id }); i >= 0 {
			return engine.Address(page[i].Address), nil
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if !polls {
		connection := engine.ConnectionAddress(id)
		if s, err := d.sessions.Get(ctx, connection, true); err != nil || s.State != engine.Absent {
			return connection, err
		}
	}
	all, err := d.addresses(ctx)
	if err != nil {
		return "", err
	}
	if i := slices.IndexFunc(all, func(l engine.Live) bool { return l.Address.Name() == id }); i >= 0 {
		return all[i].Address, nil
	} else if polls {
		return "", unknown(id)
	}
	having, err := concurrently(all, func(l engine.Live) (engine.Address, error) {
		s, err := d.sessions.Get(ctx, l.Address, false)
		if err == nil && slices.ContainsFunc(socketio.SocketRows(s), func(r socketio.SocketRow) bool { return r.ID == id }) {
			return l.Address, nil
		}
		return "", err
	})
	if err != nil {
		return "", err
	}
	if i := slices.IndexFunc(having, func(a engine.Address) bool { return a != "" }); i >= 0 {
		return having[i], nil
	}
	return "", unknown(id)
}
