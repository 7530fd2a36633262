package socketio

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/notes"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/rooms"
)

// Instrument has a package of Doze watch the server: admin.Instrument calls it. It is an error when there is one already,
// and panics after Bind.
func (s *Server) Instrument(w instrument.Watcher) error {
	s.registering("Instrument")
	if s.watcher != nil {
		return errors.New("socketio: the server is instrumented already: call admin.Instrument once, or leave it to the flag, or to the settings of a deployment")
	}
	s.watcher = w
	return nil
}

// happened tells the watcher what has happened to a socket.
func (n *Namespace) happened(ctx context.Context, kind instrument.Kind, socket string, more func(*instrument.Happening)) {
	w := n.server.watcher
	if w == nil {
		return
	}
	h := instrument.Happening{Kind: kind, At: n.server.now(), Namespace: n.name, Socket: socket}
	if more != nil {
		more(&h)
	}
	w.Happened(ctx, h)
}

// looks reports whether what happens to sockets is of interest.
func (s *Server) looks(ctx context.Context) bool { return s.watcher != nil && s.watcher.Looks(ctx) }

// moving tells the watcher of rooms that a socket joins or leaves: it is called before, and what it returns after that
// has been done. What the socket is in is read only when that is of interest. Without names it is all rooms, and its
// own.
func (n *Namespace) moving(ctx context.Context, kind instrument.Kind, socket string, names []string) (moved func()) {
	if !n.server.looks(ctx) {
		return func() {}
	}
	in, err := n.server.store.Rooms(ctx, n.name, socket)
	if err != nil {
		n.server.opt.Logger.WarnContext(ctx, "the rooms of a socket could not be read for those who look on", "socket", socket, "error", err)
	}
	var changes []string
	switch {
	case kind == instrument.Left && len(names) == 0:
		changes = append([]string{socket}, in...)
	default:
		for _, name := range names {
			if slices.Contains(in, name) == (kind == instrument.Left) && !slices.Contains(changes, name) {
				changes = append(changes, name)
			}
		}
	}
	return func() {
		for _, room := range changes {
			n.happened(ctx, kind, socket, func(h *instrument.Happening) { h.Room = room })
		}
	}
}

// hasJoined tells the watcher of a socket that is connected, and of the rooms that it is in from the start.
func (s *Socket) hasJoined(ctx context.Context, names []string) {
	for _, room := range append([]string{s.id}, names...) {
		s.namespace.happened(ctx, instrument.Joined, s.id, func(h *instrument.Happening) { h.Room = room })
	}
	s.namespace.happened(ctx, instrument.Connected, s.id, func(h *instrument.Happening) { h.Describe = s.describe })
}

// describe reads what there is to know of a socket.
func (s *Socket) describe(ctx context.Context) (instrument.Socket, error) {
	d := instrument.Socket{ID: s.id, Namespace: s.namespace.name, Transport: "websocket"}
	if s.turn == nil {
		return d, ErrGone
	}
	h, err := s.Handshake(ctx)
	if err != nil {
		return d, err
	}
	if d.Rooms, err = s.namespace.server.store.Rooms(ctx, s.namespace.name, s.id); err != nil {
		return d, err
	}
	if s.turn.v.Polling() {
		d.Transport = "polling"
	}
	s.mu.Lock()
	d.Data = bytes.Clone(s.data)
	s.mu.Unlock()
	sum := sha256.Sum256([]byte("doze admin " + s.turn.v.SID()))
	d.ClientID = base64.RawURLEncoding.EncodeToString(sum[:9])
	d.Header, d.Query, d.Address, d.Time, d.Secure, d.XDomain, d.URL = h.Headers, h.Query, h.Address, h.Time, h.Secure, h.XDomain, h.URL
	return d, nil
}

// eventOf returns a packet's event name and arguments.
func eventOf(p protocol.Packet) ([]any, error) {
	args, err := p.Args()
	if err != nil {
		return nil, err
	}
	all, err := decodeArgs(args, p.Buffers)
	return all, err
}

// eventSent returns the event of a parcel, as it was encoded: its arguments may have changed since.
func (s *Server) eventSent(p engine.Parcel) ([]any, error) {
	var packet protocol.Packet
	for i, encoded := range p.Packets {
		e, err := protocol.DecodeEngine(encoded)
		switch {
		case err != nil:
		case s.engine.Options().BinaryMessages:
			packet, err = protocol.DecodeMsgPack(e.Data)
		case i == 0:
			packet, err = protocol.Decode(e.Data)
		default:
			err = packet.Add(e.Data)
		}
		if err != nil {
			return nil, err
		}
	}
	return eventOf(packet)
}

// engineWatch passes on what the engine tells.
type engineWatch struct{ w instrument.Watcher }

var _ engine.Watch = engineWatch{}

func (e engineWatch) Began(ctx context.Context) { e.w.Counted(ctx, "rawConnection", "", 1) }
func (e engineWatch) Ended(ctx context.Context, reason engine.Reason) {
	e.w.Counted(ctx, "rawDisconnection", string(reason), 1)
}
func (e engineWatch) Sent(ctx context.Context, packets, bytes int) {
	e.w.Counted(ctx, "packetsOut", "", packets)
	e.w.Counted(ctx, "bytesOut", "", bytes)
}
func (e engineWatch) Done(ctx context.Context, awaited bool) { e.w.Done(ctx, awaited) }

// came counts messages of a client.
func (s *Server) came(ctx context.Context, messages []protocol.EnginePacket) {
	if s.watcher == nil {
		return
	}
	size := 0
	for _, m := range messages {
		size += len(m.Data)
	}
	s.watcher.Counted(ctx, "packetsIn", "", len(messages))
	s.watcher.Counted(ctx, "bytesIn", "", size)
}

// watched is the job of a watcher.
type watched struct {
	Watched json.RawMessage `json:"watched"` // nil: it is another job
}

func watchedOf(work json.RawMessage) (j watched, ok bool) {
	return j, json.Unmarshal(work, &j) == nil && j.Watched != nil
}

// instrumented is the Server as its watcher sees it.
type instrumented struct{ s *Server }

var _ instrument.Server = instrumented{}

func (i instrumented) Now() time.Time       { return i.s.now() }
func (i instrumented) Logger() *slog.Logger { return i.s.opt.Logger }
func (i instrumented) Notes() notes.Store   { return i.s.notes }

func (i instrumented) Random(n int) (string, error) { return i.s.randomText(n) }

func (i instrumented) Later(ctx context.Context, job json.RawMessage, after time.Duration) error {
	work, err := json.Marshal(watched{job})
	if err != nil {
		return err
	}
	return i.s.engine.LaterBy(ctx, work, after)
}

func (i instrumented) Has(ctx context.Context, namespace string) bool {
	return i.s.namespace(ctx, namespace) != nil
}

func (i instrumented) Occupied(ctx context.Context, namespace string) (bool, error) {
	for cursor := ""; ; {
		page, next, err := i.s.store.Members(ctx, namespace, rooms.Everybody, cursor)
		if err != nil || len(page) > 0 || next == "" {
			return len(page) > 0, err
		}
		cursor = next
	}
}

// Reply puts events for a client that polls into its outbox together, as Emit does. A connection gets each by itself:
// of several packets together it may get some, and is then closed.
func (i instrumented) Reply(ctx context.Context, namespace string, events []instrument.Event) (sent int, err error) {
	t := turnOf(ctx)
	if t == nil {
		return 0, errors.New("socketio: Reply is for the handler of a client's packet")
	}
	var together engine.Parcel
	n := 0 // events of it
	send := func() error {
		if n == 0 {
			return nil
		}
		err := t.v.SendNow(ctx, together)
		if err == nil {
			sent += n
		}
		together, n = engine.Parcel{}, 0
		return err
	}
	for _, event := range events {
		p, err := eventParcel(i.s.engine, namespace, event.Name, event.Args)
		if errors.Is(err, ErrTooLarge) {
			continue
		} else if err != nil {
			return sent, err
		}
		if n > 0 && (!t.v.Polling() || together.Size()+p.Size() > maxTogether) {
			if err := send(); err != nil {
				return sent, unlessItTakesNoMore(err)
			}
		}
		if n++; n == 1 {
			together = p
			continue
		}
		together.Packets = append(together.Packets, p.Packets...)
	}
	return sent, unlessItTakesNoMore(send())
}

// unlessItTakesNoMore returns no error of a client that does not read as fast as events come.
func unlessItTakesNoMore(err error) error {
	if errors.Is(err, ErrOutboxFull) || errors.Is(err, ErrBusy) {
		return nil
	}
	return err
}

func (i instrumented) Within(ctx context.Context, most time.Duration) (context.Context, func()) {
	ctx, end := context.WithCancelCause(ctx)
	stop := i.s.engine.Options().Clock.AfterFunc(most, func() { end(fmt.Errorf("it takes longer than %v", most)) })
	return ctx, func() {
		stop()
		end(nil)
	}
}

func (i instrumented) Count(ctx context.Context, most time.Duration) (c instrument.Census, err error) {
	ctx, end := i.Within(ctx, most)
	defer end()
	if c, err = i.count(ctx); err != nil {
		return c, cmp.Or(context.Cause(ctx), err)
	}
	return c, nil
}

func (i instrumented) count(ctx context.Context) (c instrument.Census, err error) {
	if c.Clients, c.Polling, err = i.s.engine.Clients(ctx); err != nil {
		return c, err
	}
	c.Read = engine.Shards + c.Clients/40
	names, err := i.s.allNames(ctx)
	if err != nil {
		return c, err
	}
	if len(i.s.dynamic.parents) > 0 {
		c.Read += engine.Shards + c.Clients
	}
	for _, name := range names {
		n := 0
		_, err := i.s.adapter.Broadcast(ctx, rooms.Target{Namespace: name, Rooms: []string{rooms.Everybody}}, counting(&n))
		if err != nil {
			return c, err
		}
		c.Namespaces = append(c.Namespaces, instrument.Population{Name: name, SocketsCount: n})
		c.Read += 1 + n/40
	}
	return c, nil
}

// allNames returns the names of all namespaces, "/" first. Those of OfFunc that have sockets are in the rows of
// sessions alone, and reading each is what it costs to know them.
func (s *Server) allNames(ctx context.Context) ([]string, error) {
	names := map[string]bool{}
	for name := range s.namespaces {
		names[name] = true
	}
	if len(s.dynamic.parents) > 0 {
		err := s.engine.EachClient(ctx, func(entries map[string][]byte) {
			for name, e := range entries {
				names[name] = names[name] || entry(e).connected()
			}
		})
		if err != nil {
			return nil, err
		}
	}
	maps.DeleteFunc(names, func(_ string, there bool) bool { return !there })
	return slices.Sorted(maps.Keys(names)), nil
}

// counting returns a function that counts its calls.
func counting(n *int) func(context.Context, rooms.Member) error {
	var mu sync.Mutex
	return func(context.Context, rooms.Member) error {
		mu.Lock()
		defer mu.Unlock()
		*n++
		return nil
	}
}

// Sockets implements instrument.Server. A socket that leaves meanwhile is left out.
func (i instrumented) Sockets(ctx context.Context, most int) (all []instrument.Socket, more bool, err error) {
	names, err := i.s.allNames(ctx)
	if err != nil {
		return nil, false, err
	}
	var errs []error
	for _, name := range names {
		some, more, err := i.socketsOf(ctx, i.s.joined(name), most-len(all))
		all, errs = append(all, some...), append(errs, err)
		if more || ctx.Err() != nil {
			return all, more, errors.Join(errs...)
		}
	}
	return all, false, errors.Join(errs...)
}

// socketsOf describes sockets of one namespace, and reads no more of its members than that takes.
func (i instrumented) socketsOf(ctx context.Context, n *Namespace, most int) (all []instrument.Socket, more bool, err error) {
	enough, stop := context.WithCancel(ctx)
	defer stop()
	var (
		mu     sync.Mutex // guards what is returned, and begun
		begun  int
		failed []error
	)
	_, err = i.s.adapter.Broadcast(enough, rooms.Target{Namespace: n.name, Rooms: []string{rooms.Everybody}}, func(_ context.Context, m rooms.Member) error {
		mu.Lock()
		begun++
		over := begun > most
		more = more || over
		mu.Unlock()
		if over {
			stop()
			return nil
		}
		d, err := i.describe(ctx, n, m)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			all = append(all, d)
		case !errors.Is(err, ErrGone):
			failed = append(failed, err)
		}
		return nil
	})
	if more { // then the end of enough is no error
		err = nil
	}
	return all, more, errors.Join(append(failed, err)...)
}

func (i instrumented) describe(ctx context.Context, n *Namespace, m rooms.Member) (instrument.Socket, error) {
	s, err := n.open(ctx, i.s.engine, m, false)
	if err != nil {
		return instrument.Socket{}, err
	}
	return s.describe(ctx)
}
