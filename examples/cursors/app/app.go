// Package app shows everybody's cursor on a board. A cursor on its way is volatile, for the next position takes its
// place; where it rests is not, and is kept for those who come later.
package app

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/dozeio/doze/pkg/socketio"
)

const (
	maxName    = 24  // characters, of a person or a board
	maxCursors = 100 // that are read for somebody who comes to a board
)

// cursor is where somebody points.
type cursor struct {
	ID   string  `json:"id"` // of the socket
	Name string  `json:"name"`
	X    float64 `json:"x"` // of the board's width, 0 to 1
	Y    float64 `json:"y"` // of its height
	N    int64   `json:"n"` // the client counts its positions from 1: the highest is the newest; 0 for none yet
}

// seat is a socket's data: the board that it is at, and where its cursor rested last.
type seat struct {
	Board  string `json:"board"`
	Cursor cursor `json:"cursor"`
}

// room is that of a board. The # keeps it apart from the rooms that sockets have of their own.
func (s seat) room() string { return "#" + s.Board }

// New returns the application.
func New() *socketio.Server {
	io := socketio.New(socketio.Options{})
	root := io.Of("/")
	root.Use(sit)
	root.OnConnection(look)
	root.On("move", move)
	root.On("rest", rest)
	root.OnDisconnecting(leave)
	return io
}

// sit lets in who has a name and a board.
func sit(ctx context.Context, s *socketio.Socket) error {
	var auth struct{ Board, Name string }
	if err := s.Auth(&auth); err != nil || !isName(auth.Board) || !isName(auth.Name) {
		return &socketio.ConnectError{Message: "A board and a person have names of 1 to 24 characters."}
	}
	at := seat{auth.Board, cursor{ID: s.ID(), Name: auth.Name}}
	if err := socketio.UpdateData(ctx, s, func(d *seat) error { *d = at; return nil }); err != nil {
		return err
	}
	return s.Join(ctx, at.room())
}

func isName(text string) bool {
	return strings.TrimSpace(text) != "" && utf8.RuneCountInString(text) <= maxName
}

// look tells somebody who has come where the cursors of the others rest. Those on their way come by themselves.
func look(ctx context.Context, s *socketio.Socket) error {
	at, err := socketio.Data[seat](s)
	if err != nil {
		return err
	}
	resting, others := []cursor{}, s.To(at.room())
	ids, err := others.SocketIDs(ctx)
	if err != nil {
		return err
	}
	if len(ids) > maxCursors { // each costs a read, and nobody can tell so many apart
		return s.Emit(ctx, "cursors", resting)
	}
	sockets, err := others.FetchSockets(ctx)
	if err != nil {
		return err
	}
	for _, other := range sockets {
		d, err := socketio.Data[seat](other)
		if err != nil {
			return err
		}
		if d.Cursor.N > 0 {
			resting = append(resting, d.Cursor)
		}
	}
	return s.Emit(ctx, "cursors", resting)
}

// position is what a client says of its cursor.
type position struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
	N int64   `json:"n"`
}

func (p position) check() error {
	if p.X < 0 || p.X > 1 || p.Y < 0 || p.Y > 1 || p.N < 1 {
		return &socketio.AckError{Data: map[string]string{"error": "A position has x and y from 0 to 1, and n from 1."}}
	}
	return nil
}

func (c cursor) movedTo(p position) cursor {
	c.X, c.Y, c.N = p.X, p.Y, p.N
	return c
}

// move passes a position on to whoever can take it at once. It keeps nothing: a write for each would cost more than all
// the rest.
func move(ctx context.Context, s *socketio.Socket, p position) error {
	at, err := socketio.Data[seat](s)
	if err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return err
	}
	return s.To(at.room()).Volatile().Emit(ctx, "moved", at.Cursor.movedTo(p))
}

// rest keeps a position, and passes it on to everybody for certain. API Gateway does not keep the order of messages, so
// that one which comes after a newer one changes nothing. One that comes again, because its ack did not come, is passed
// on again: it may have been kept and not passed on.
func rest(ctx context.Context, s *socketio.Socket, p position) error {
	if err := p.check(); err != nil {
		return err
	}
	var at seat
	err := socketio.UpdateData(ctx, s, func(d *seat) error {
		if p.N > d.Cursor.N {
			d.Cursor = d.Cursor.movedTo(p)
		}
		at = *d
		return nil
	})
	if err != nil || p.N < at.Cursor.N {
		return err
	}
	return s.To(at.room()).Emit(ctx, "moved", at.Cursor)
}

func leave(ctx context.Context, s *socketio.Socket, _ socketio.Reason) error {
	at, err := socketio.Data[seat](s)
	if err != nil {
		return err
	}
	return s.To(at.room()).Emit(ctx, "left", s.ID())
}
