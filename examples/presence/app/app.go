// Package app shows who is online, takes private messages to them, and tells who is typing. A person is a name, with a
// connection for each tab: online from the first tab to the last.
package app

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dozeio/doze/pkg/socketio"
)

const (
	maxText    = 4000            // characters of a message
	maxPeople  = 200             // tabs that are read to list who is online
	ackTimeout = 3 * time.Second // for a page to confirm a message
)

// person is a socket's data: who it belongs to.
type person struct {
	Name string `json:"name"`
}

// New returns the application.
func New() *socketio.Server {
	io := socketio.New(socketio.Options{})
	root := io.Of("/")
	root.Use(introduce)
	root.OnConnection(arrive)
	root.On("message", message)
	root.On("typing", typing)
	root.OnDisconnect(leave)
	return io
}

var names = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,23}$`)

// room is the one with all tabs of a person. The @ keeps it apart from the rooms that sockets have of their own.
func room(name string) string { return "@" + name }

// introduce lets in who has a name, and puts the socket into the person's room. Names are taken as they come here: this
// is the place to ask who it is, by a token in auth.
func introduce(ctx context.Context, s *socketio.Socket) error {
	var auth person
	if err := s.Auth(&auth); err != nil {
		return &socketio.ConnectError{Message: "A name is text."}
	}
	if auth.Name = strings.TrimSpace(auth.Name); !names.MatchString(auth.Name) {
		return &socketio.ConnectError{Message: "A name has 1 to 24 letters and digits, and between them spaces, dots, - or _."}
	}
	if err := socketio.UpdateData(ctx, s, func(p *person) error { *p = auth; return nil }); err != nil {
		return err
	}
	return s.Join(ctx, room(auth.Name))
}

// people is what a page gets first.
type people struct {
	You    string   `json:"you"`
	Online []string `json:"online"` // sorted, with you
	More   bool     `json:"more"`   // there are too many to list: Online is empty
}

// arrive says that somebody is online before it reads who else is: of two who come at the same time, each is then in
// the other's list, or the other hears of them. A second tab says it again, which changes nothing.
func arrive(ctx context.Context, s *socketio.Socket) error {
	me, err := socketio.Data[person](s)
	if err != nil {
		return err
	}
	if err := s.Broadcast().Emit(ctx, "online", me.Name); err != nil {
		return err
	}
	list := people{You: me.Name, Online: []string{}}
	ids, err := s.Namespace().SocketIDs(ctx)
	if err != nil {
		return err
	}
	if list.More = len(ids) > maxPeople; list.More { // each costs a read
		return s.Emit(ctx, "people", list)
	}
	sockets, err := s.Namespace().FetchSockets(ctx)
	if err != nil {
		return err
	}
	for _, other := range sockets {
		p, err := socketio.Data[person](other)
		if err != nil {
			return err
		}
		list.Online = append(list.Online, p.Name)
	}
	slices.Sort(list.Online)
	list.Online = slices.Compact(list.Online)
	return s.Emit(ctx, "people", list)
}

// leave says that somebody is offline when this was the last tab. It runs when the socket has left its rooms. Whoever
// opens a tab meanwhile may have said "online" before this says "offline", so it looks once more.
func leave(ctx context.Context, s *socketio.Socket, _ socketio.Reason) error {
	me, err := socketio.Data[person](s)
	if err != nil {
		return err
	}
	if here, err := isOnline(ctx, s, me.Name); err != nil || here {
		return err
	}
	if err := s.Broadcast().Emit(ctx, "offline", me.Name); err != nil {
		return err
	}
	if here, err := isOnline(ctx, s, me.Name); err != nil || !here {
		return err
	}
	return s.Broadcast().Emit(ctx, "online", me.Name)
}

// isOnline reports whether somebody has a tab besides this socket.
func isOnline(ctx context.Context, s *socketio.Socket, name string) (bool, error) {
	ids, err := s.To(room(name)).SocketIDs(ctx)
	return len(ids) > 0, err
}

// letter is a private message: from is the server's to say.
type letter struct {
	From string `json:"from"`
	To   string `json:"to"`
	Text string `json:"text"`
}

// receipt acknowledges a letter. Delivered says that a page of the recipient has confirmed it; when none has, it may
// have come nevertheless.
type receipt struct {
	Delivered bool `json:"delivered"`
}

// message passes a letter on to all tabs of its recipient and waits until they confirm it, then shows it to the other
// tabs of its sender.
func message(ctx context.Context, s *socketio.Socket, in letter) (receipt, error) {
	me, err := socketio.Data[person](s)
	if err != nil {
		return receipt{}, err
	}
	switch n := utf8.RuneCountInString(in.Text); {
	case n == 0 || n > maxText:
		return receipt{}, problem("A message has 1 to 4000 characters.")
	case in.To == me.Name:
		return receipt{}, problem("This is you: write to somebody else.")
	}
	in.From = me.Name
	answers, err := s.To(room(in.To)).Timeout(ackTimeout).EmitWithAck(ctx, "message", in)
	switch {
	case err != nil && !errors.Is(err, socketio.ErrNoAck):
		return receipt{}, err
	case err == nil && len(answers) == 0: // there was nobody to wait for
		return receipt{}, problem(in.To + " is not online.")
	}
	return receipt{Delivered: len(answers) > 0}, s.To(room(me.Name)).Emit(ctx, "message", in)
}

// notice says who has begun or ceased to type to whom.
type notice struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Typing bool   `json:"typing"`
}

// typing is worth nothing a moment later, so that it is volatile: the page forgets it after some seconds by itself.
func typing(ctx context.Context, s *socketio.Socket, in notice) error {
	me, err := socketio.Data[person](s)
	if err != nil {
		return err
	}
	in.From = me.Name
	return s.To(room(in.To)).Volatile().Emit(ctx, "typing", in)
}

// problem answers a request with what is wrong.
func problem(hint string) error {
	return &socketio.AckError{Data: map[string]string{"error": hint}}
}
