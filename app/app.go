// Package app is the application that the template deploys: a chat. It is the one package to replace with your own.
package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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
	maxPeople   = 100  // in a room whose people are listed
)

// person is what a socket keeps between invocations, and how others see it.
type person struct {
	ID       string `json:"id"`
	Nickname string `json:"nickname"`
	Tag      string `json:"tag"` // see tagOf
}

// roomEvent says to the members of a room who came or went: a small notice, never a list.
type roomEvent struct {
	Room string `json:"room"`
	person
	stamp
}

// chat is what the handlers share.
type chat struct{ clock clock }

// New returns the chat.
func New() *socketio.Server {
	io := socketio.New(socketio.Options{MaxRooms: maxRooms})
	c := &chat{clock{now: time.Now, last: stamp{Seq: rand.Int64N(1 << 52)}}}
	people := io.Of("/")
	people.Use(introduce)
	people.OnConnection(welcome)
	people.On("join", c.join)
	people.On("leave", c.leave)
	people.On("say", c.say)
	people.On("whisper", c.whisper)
	people.On("typing", c.typing)
	people.On("rooms", list)
	people.OnDisconnecting(c.goodbye)
	return io
}

// introduce lets in who has a nickname.
func introduce(ctx context.Context, s *socketio.Socket) error {
	var auth struct {
		Nickname string `json:"nickname"`
		Secret   string `json:"secret"`
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
		*p = person{ID: s.ID(), Nickname: auth.Nickname, Tag: tagOf(cmp.Or(auth.Secret, s.ID()))}
		return nil
	})
}

// tagOf returns what tells people of the same nickname apart, 22 characters. It is the same for the same secret, which
// a page makes up and keeps to itself: so that who comes back, under a new id, is known to be the same.
func tagOf(secret string) string {
	sum := sha256.Sum256([]byte("doze chat " + secret))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
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
	Room    string   `json:"room"`
	Members int      `json:"members"` // the one who joins included
	People  []person `json:"people"`  // the others, at the stamp's time or a little later; none when there are over maxPeople
	stamp
}

func (c *chat) join(ctx context.Context, s *socketio.Socket, room string) (roomReceipt, error) {
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
	before := slices.Contains(rooms, key(room))
	switch {
	case before:
	case len(rooms) >= maxRooms:
		return roomReceipt{}, problem("You are in 50 rooms: leave one first.")
	default:
		if err := s.Join(ctx, key(room)); err != nil {
			return roomReceipt{}, err
		}
	}
	r := roomReceipt{Room: room, stamp: c.clock.stamp(0)}
	if err := r.look(ctx, s); err != nil || before {
		return r, err
	}
	if err := s.To(key(room)).Emit(ctx, "joined", roomEvent{room, p, r.stamp}); err != nil || r.Members > 1 {
		return r, err
	}
	return r, s.Broadcast().Emit(ctx, "room", socketio.Room{Name: room, Members: 1}) // a new one, for everybody's list
}

// look fills in who else is in the room. It comes after joining: of two who join at the same time, each is then in the
// other's list, or hears that the other has joined.
func (r *roomReceipt) look(ctx context.Context, s *socketio.Socket) error {
	others := s.To(key(r.Room))
	ids, err := others.SocketIDs(ctx)
	if err != nil {
		return err
	}
	r.Members, r.People = 1+len(ids), []person{}
	if len(ids) > maxPeople {
		return nil
	}
	sockets, err := others.FetchSockets(ctx)
	for _, socket := range sockets {
		var p person
		err = errors.Join(err, socket.Data(&p))
		r.People = append(r.People, p)
	}
	r.Members = 1 + len(r.People) // without those who have said goodbye and are still in the room
	return err
}

// isIn returns a problem unless the socket is in a room: who is not says nothing to those who are.
func isIn(ctx context.Context, s *socketio.Socket, room string) error {
	rooms, err := s.Rooms(ctx)
	if err == nil && !slices.Contains(rooms, key(room)) {
		return problem("You are not in this room: join it first.")
	}
	return err
}

func (c *chat) leave(ctx context.Context, s *socketio.Socket, room string) (map[string]string, error) {
	p, err := who(s)
	if err != nil {
		return nil, err
	}
	left := map[string]string{"room": room}
	if err := isIn(ctx, s, room); answers(err) { // it has left: the page asks again when the answer got lost
		return left, nil
	} else if err != nil {
		return nil, err
	}
	if err := s.Leave(ctx, key(room)); err != nil {
		return nil, err
	}
	return left, s.To(key(room)).Emit(ctx, "left", roomEvent{room, p, c.clock.stamp(0)})
}

func (c *chat) goodbye(ctx context.Context, s *socketio.Socket, _ socketio.Reason) error {
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
		errs = append(errs, s.To(room).Emit(ctx, "left", roomEvent{strings.TrimPrefix(room, roomPrefix), p, c.clock.stamp(0)}))
	}
	return errors.Join(errs...)
}

// answers reports whether an error is one that problem has made.
func answers(err error) bool { return errors.As(err, new(*socketio.AckError)) }

// problem answers a request with what to do about it.
func problem(hint string) error {
	return &socketio.AckError{Data: map[string]string{"error": hint}}
}
