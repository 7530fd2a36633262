package app

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/dozeio/doze/pkg/socketio"
)

// text is what somebody says, in a room or to one person.
type text struct {
	ID   string `json:"id"` // what the sender calls the message, the same when it is sent again
	Room string `json:"room"`
	To   string `json:"to"`
	Text string `json:"text"`
	Seen int64  `json:"seen"` // the latest time that the sender has seen, in milliseconds since 1970
}

type message struct {
	ID   string `json:"id"` // of those of its sender
	Room string `json:"room,omitempty"`
	From person `json:"from"`
	Text string `json:"text"`
	stamp
}

// receipt acknowledges a message.
type receipt struct {
	ID string `json:"id"`
	stamp
}

func (c *chat) say(ctx context.Context, s *socketio.Socket, in text) (receipt, error) {
	m, err := c.compose(s, in)
	if err != nil {
		return receipt{}, err
	}
	if err := isIn(ctx, s, in.Room); err != nil {
		return receipt{}, err
	}
	m.Room = in.Room
	return receipt{m.ID, m.stamp}, s.To(key(in.Room)).Emit(ctx, "said", m)
}

// whisper sends to one person: a socket's id is the name of a room that it alone is in.
func (c *chat) whisper(ctx context.Context, s *socketio.Socket, in text) (receipt, error) {
	m, err := c.compose(s, in)
	if err != nil {
		return receipt{}, err
	}
	if err := isPerson(in.To); err != nil {
		return receipt{}, err
	}
	to := s.To(in.To)
	if there, err := to.SocketIDs(ctx); err != nil || len(there) == 0 {
		return receipt{}, errors.Join(err, &socketio.AckError{Data: map[string]any{"error": "They are not here any more.", "gone": true}})
	}
	err = to.Emit(ctx, "whispered", m)
	if isBehind(err) {
		return receipt{}, problem("They have not read yet what was sent before. Try again in a moment.")
	}
	return receipt{m.ID, m.stamp}, err
}

// isPerson returns a problem for the name of a room, in which a whisper would be heard by all.
func isPerson(to string) error {
	if to == "" || strings.HasPrefix(to, roomPrefix) {
		return problem("Whisper to a person, not to a room.")
	}
	return nil
}

// isBehind reports whether an emit has failed because its one recipient does not read fast enough.
func isBehind(err error) bool {
	return errors.Is(err, socketio.ErrOutboxFull) || errors.Is(err, socketio.ErrBusy)
}

func (c *chat) compose(s *socketio.Socket, in text) (message, error) {
	in.Text = strings.ToValidUTF8(in.Text, "\ufffd") // halves of surrogate pairs, each of which the page counts as one
	if n := utf8.RuneCountInString(in.Text); n == 0 || n > maxText {
		return message{}, problem("A message has 1 to 4000 characters.")
	}
	if !isMessageID(in.ID) {
		in.ID = uuid.NewString()
	}
	p, err := who(s)
	return message{ID: in.ID, From: p, Text: in.Text, stamp: c.clock.stamp(in.Seen)}, err
}

// isMessageID reports whether a client has named its message, in no more than the characters of a UUID.
func isMessageID(id string) bool {
	return id != "" && len(id) <= 36 && !strings.ContainsFunc(id, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
	})
}

// typingNotice comes from somebody who has begun or ceased to type, in a room or to one person.
type typingNotice struct {
	Room   string `json:"room"`
	To     string `json:"to"`
	Typing bool   `json:"typing"`
	Seen   int64  `json:"seen"`
}

// typingEvent says so to the others: without a room, it is about a private conversation.
type typingEvent struct {
	Room   string `json:"room,omitempty"`
	From   person `json:"from"`
	Typing bool   `json:"typing"`
	stamp
}

func (c *chat) typing(ctx context.Context, s *socketio.Socket, in typingNotice) error {
	p, err := who(s)
	if err != nil {
		return err
	}
	event := typingEvent{in.Room, p, in.Typing, c.clock.stamp(in.Seen)}
	if in.Room != "" || in.To == "" {
		if err := isIn(ctx, s, in.Room); err != nil {
			return err
		}
		return s.To(key(in.Room)).Emit(ctx, "typing", event)
	}
	if err := isPerson(in.To); err != nil {
		return err
	}
	if err := s.To(in.To).Emit(ctx, "typing", event); !isBehind(err) { // who is behind has more to read than that
		return err
	}
	return nil
}
