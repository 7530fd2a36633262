// Package app is the application that the template deploys: a chat. It is the one package to replace with your own.
package app

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/dozeio/doze/pkg/socketio"
)

// Limits of what people may write.
const (
	maxNickname = 24   // characters
	maxRoom     = 40   // characters
	maxRoomSize = 100  // bytes
	maxText     = 4000 // characters
	maxRooms    = 50   // that one person may be in
	maxListed   = 200  // rooms
)

// person is what a socket keeps between invocations, and how others see it.
type person struct {
	ID       string `json:"id"`
	Nickname string `json:"nickname"`
}

// roomEvent says to the members of a room who came or went: a small notice, never a list.
type roomEvent struct {
	Room string `json:"room"`
	person
}

type message struct {
	ID   string `json:"id"`
	Room string `json:"room,omitempty"`
	From person `json:"from"`
	Text string `json:"text"`
	Time int64  `json:"time"` // milliseconds since 1970
}

// receipt acknowledges a message.
type receipt struct {
	ID   string `json:"id"`
	Time int64  `json:"time"`
}

// New returns the chat.
func New() *socketio.Server {
	io := socketio.New(socketio.Options{MaxRooms: maxRooms})
	chat := io.Of("/")
	chat.Use(requireNickname)
	chat.OnConnection(welcome)
	chat.On("join", join)
	chat.On("leave", leave)
	chat.On("say", say)
	chat.On("whisper", whisper)
	chat.On("typing", typing)
	chat.On("rooms", list)
	chat.OnDisconnecting(goodbye)
	return io
}

func requireNickname(ctx context.Context, s *socketio.Socket) error {
	var auth struct {
		Nickname string `json:"nickname"`
	}
	if err := s.Auth(&auth); err != nil {
		return refuse("nickname_required", "Choose a nickname: it has to be text.")
	}
	auth.Nickname = strings.TrimSpace(auth.Nickname)
	switch n := utf8.RuneCountInString(auth.Nickname); {
	case n == 0:
		return refuse("nickname_required", "Choose a nickname.")
	case n > maxNickname:
		return refuse("nickname_too_long", "A nickname has at most 24 characters.")
	case !visible(auth.Nickname):
		return refuse("nickname_invisible", "A nickname has characters that can be seen, none that are invisible or change the direction of writing.")
	}
	return socketio.UpdateData(ctx, s, func(p *person) error {
		*p = person{ID: s.ID(), Nickname: auth.Nickname}
		return nil
	})
}

func refuse(code, hint string) error {
	return &socketio.ConnectError{Message: hint, Data: map[string]string{"code": code, "hint": hint}}
}

func welcome(ctx context.Context, s *socketio.Socket) error {
	p, err := who(s)
	if err != nil {
		return err
	}
	return s.Emit(ctx, "welcome", p)
}

func who(s *socketio.Socket) (p person, err error) {
	err = s.Data(&p)
	return p, err
}

// roomPrefix keeps the rooms that people name apart from those that every socket has of its own under its public id:
// who could join another's would read what is whispered there.
const roomPrefix = "#"

func key(room string) string { return roomPrefix + room }

// list answers with the rooms and their member counts, which may be some seconds old: with the fullest of them, because
// there may be any number, and an answer of more than 128 KiB cannot be sent to anybody.
func list(ctx context.Context, s *socketio.Socket) ([]socketio.Room, error) {
	rooms, err := s.Namespace().Rooms(ctx)
	if len(rooms) > maxListed {
		slices.SortFunc(rooms, func(a, b socketio.Room) int { return cmp.Or(b.Members-a.Members, strings.Compare(a.Name, b.Name)) })
		rooms = rooms[:maxListed]
		slices.SortFunc(rooms, func(a, b socketio.Room) int { return strings.Compare(a.Name, b.Name) })
	}
	for i := range rooms {
		rooms[i].Name = strings.TrimPrefix(rooms[i].Name, roomPrefix)
	}
	return rooms, err
}

// roomReceipt acknowledges a join.
type roomReceipt struct {
	Room    string `json:"room"`
	Members int    `json:"members"` // the one who joins included
}

func join(ctx context.Context, s *socketio.Socket, room string) (roomReceipt, error) {
	p, err := who(s)
	if err != nil {
		return roomReceipt{}, err
	}
	room = strings.TrimSpace(room)
	if n := utf8.RuneCountInString(room); n == 0 || n > maxRoom || len(room) > maxRoomSize {
		return roomReceipt{}, problem("A room's name has 1 to 40 characters, and at most 100 bytes: 25 emoji.")
	}
	if !visible(room) {
		return roomReceipt{}, problem("A room's name has characters that can be seen, none that are invisible or change the direction of writing.")
	}
	rooms, err := s.Rooms(ctx)
	if err != nil {
		return roomReceipt{}, err
	}
	others, err := s.To(key(room)).Sockets(ctx)
	receipt := roomReceipt{room, 1 + len(others)}
	switch {
	case err != nil || slices.Contains(rooms, key(room)):
		return receipt, err
	case len(rooms) >= maxRooms:
		return roomReceipt{}, problem("You are in 50 rooms: leave one first.")
	}
	if err := s.Join(ctx, key(room)); err != nil {
		return roomReceipt{}, err
	}
	return receipt, s.To(key(room)).Emit(ctx, "joined", roomEvent{room, p})
}

// isIn returns a problem unless the socket is in a room: who is not says nothing to those who are.
func isIn(ctx context.Context, s *socketio.Socket, room string) error {
	rooms, err := s.Rooms(ctx)
	if err == nil && !slices.Contains(rooms, key(room)) {
		return problem("You are not in this room: join it first.")
	}
	return err
}

func leave(ctx context.Context, s *socketio.Socket, room string) (map[string]string, error) {
	p, err := who(s)
	if err != nil {
		return nil, err
	}
	if err := isIn(ctx, s, room); err != nil {
		return nil, err
	}
	if err := s.Leave(ctx, key(room)); err != nil {
		return nil, err
	}
	return map[string]string{"room": room}, s.To(key(room)).Emit(ctx, "left", roomEvent{room, p})
}

// text is what somebody says, in a room or to one person.
type text struct {
	Room string `json:"room"`
	To   string `json:"to"`
	Text string `json:"text"`
}

func say(ctx context.Context, s *socketio.Socket, in text) (receipt, error) {
	m, err := compose(s, in.Text)
	if err != nil {
		return receipt{}, err
	}
	if err := isIn(ctx, s, in.Room); err != nil {
		return receipt{}, err
	}
	m.Room = in.Room
	return receipt{m.ID, m.Time}, s.To(key(in.Room)).Emit(ctx, "said", m)
}

// whisper sends to one person: a socket's id is the name of a room that it alone is in.
func whisper(ctx context.Context, s *socketio.Socket, in text) (receipt, error) {
	m, err := compose(s, in.Text)
	if err != nil {
		return receipt{}, err
	}
	if strings.HasPrefix(in.To, roomPrefix) {
		return receipt{}, problem("Whisper to a person, not to a room.")
	}
	to := s.To(in.To)
	if there, err := to.Sockets(ctx); err != nil || len(there) == 0 {
		return receipt{}, errors.Join(err, problem("They are not here any more."))
	}
	err = to.Emit(ctx, "whispered", m)
	if errors.Is(err, socketio.ErrOutboxFull) || errors.Is(err, socketio.ErrBusy) {
		return receipt{}, problem("They have not read yet what was sent before. Try again in a moment.")
	}
	return receipt{m.ID, m.Time}, err
}

func compose(s *socketio.Socket, said string) (message, error) {
	if n := utf8.RuneCountInString(said); n == 0 || n > maxText {
		return message{}, problem("A message has 1 to 4000 characters.")
	}
	p, err := who(s)
	return message{ID: uuid.NewString(), From: p, Text: said, Time: time.Now().UnixMilli()}, err
}

// typingEvent says that somebody has begun or ceased to type.
type typingEvent struct {
	Room   string `json:"room"`
	From   person `json:"from"`
	Typing bool   `json:"typing"`
}

func typing(ctx context.Context, s *socketio.Socket, in typingEvent) (err error) {
	if in.From, err = who(s); err != nil {
		return err
	}
	if err := isIn(ctx, s, in.Room); err != nil {
		return err
	}
	return s.To(key(in.Room)).Emit(ctx, "typing", in)
}

func goodbye(ctx context.Context, s *socketio.Socket, _ socketio.Reason) error {
	p, err := who(s)
	if err != nil {
		return err
	}
	rooms, err := s.Rooms(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, room := range rooms {
		errs = append(errs, s.To(room).Emit(ctx, "left", roomEvent{strings.TrimPrefix(room, roomPrefix), p}))
	}
	return errors.Join(errs...)
}

// problem answers a request with what to do about it.
func problem(hint string) error {
	return &socketio.AckError{Data: map[string]string{"error": hint}}
}
