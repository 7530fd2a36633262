package socketio

import (
	"context"
	"log/slog"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/rooms"
)

// span begins the span of a handler of the application.
func (s *Socket) span(ctx context.Context, name string) (context.Context, func(error)) {
	server := s.namespace.server
	if server.tracer == observe.Untraced {
		return ctx, func(error) {}
	}
	return server.tracer.Start(ctx, observe.Handler, cut(name, maxLogged), slog.String("namespace", s.namespace.name), slog.String("socket", s.id))
}

var (
	_ rooms.Store    = tracedRooms{}
	_ rooms.Splitter = tracedRooms{}
	_ acks.Store     = tracedAcks{}
)

// tracedRooms is a rooms.Store whose calls are spans.
type tracedRooms struct {
	store  rooms.Store
	tracer observe.Tracer
}

func (t tracedRooms) start(ctx context.Context, call, namespace string) (context.Context, func(error)) {
	return t.tracer.Start(ctx, observe.Store, call, slog.String("namespace", namespace))
}

func (t tracedRooms) Join(ctx context.Context, namespace string, m rooms.Member, names ...string) (n int, err error) {
	ctx, end := t.start(ctx, "Join", namespace)
	defer func() { end(err) }()
	return t.store.Join(ctx, namespace, m, names...)
}

func (t tracedRooms) Leave(ctx context.Context, namespace, socket string, names ...string) (err error) {
	ctx, end := t.start(ctx, "Leave", namespace)
	defer func() { end(err) }()
	return t.store.Leave(ctx, namespace, socket, names...)
}

func (t tracedRooms) Move(ctx context.Context, namespace, socket, address string) (err error) {
	ctx, end := t.start(ctx, "Move", namespace)
	defer func() { end(err) }()
	return t.store.Move(ctx, namespace, socket, address)
}

func (t tracedRooms) Members(ctx context.Context, namespace, room, cursor string) (page []rooms.Member, next string, err error) {
	ctx, end := t.start(ctx, "Members", namespace)
	defer func() { end(err) }()
	return t.store.Members(ctx, namespace, room, cursor)
}

func (t tracedRooms) Rooms(ctx context.Context, namespace, socket string) (names []string, err error) {
	ctx, end := t.start(ctx, "Rooms", namespace)
	defer func() { end(err) }()
	return t.store.Rooms(ctx, namespace, socket)
}

func (t tracedRooms) Counts(ctx context.Context, namespace string) (counts map[string]int, err error) {
	ctx, end := t.start(ctx, "Counts", namespace)
	defer func() { end(err) }()
	return t.store.Counts(ctx, namespace)
}

// Split implements rooms.Splitter: in one part if the store has none. It reads nothing.
func (t tracedRooms) Split(room, cursor string) []string {
	if s, ok := t.store.(rooms.Splitter); ok {
		return s.Split(room, cursor)
	}
	return []string{cursor}
}

// tracedAcks is an acks.Store whose calls are spans.
type tracedAcks struct {
	store  acks.Store
	tracer observe.Tracer
}

func (t tracedAcks) start(ctx context.Context, call string) (context.Context, func(error)) {
	return t.tracer.Start(ctx, observe.Store, call)
}

func (t tracedAcks) Ask(ctx context.Context, q acks.Question) (err error) {
	ctx, end := t.start(ctx, "Ask")
	defer func() { end(err) }()
	return t.store.Ask(ctx, q)
}

func (t tracedAcks) Answer(ctx context.Context, id int64, e acks.End) (q acks.Question, ok bool, err error) {
	ctx, end := t.start(ctx, "Answer")
	defer func() { end(err) }()
	return t.store.Answer(ctx, id, e)
}

func (t tracedAcks) End(ctx context.Context, id int64, e acks.End) (ok bool, err error) {
	ctx, end := t.start(ctx, "End")
	defer func() { end(err) }()
	return t.store.End(ctx, id, e)
}

func (t tracedAcks) Retake(ctx context.Context, id int64, socket, before, op string, at time.Time) (ok bool, err error) {
	ctx, end := t.start(ctx, "Retake")
	defer func() { end(err) }()
	return t.store.Retake(ctx, id, socket, before, op, at)
}

func (t tracedAcks) Done(ctx context.Context, id int64, socket, op string) (err error) {
	ctx, end := t.start(ctx, "Done")
	defer func() { end(err) }()
	return t.store.Done(ctx, id, socket, op)
}

func (t tracedAcks) Read(ctx context.Context, id int64, part int, strong bool) (q acks.Question, ends []acks.End, err error) {
	ctx, end := t.start(ctx, "Read")
	defer func() { end(err) }()
	return t.store.Read(ctx, id, part, strong)
}
