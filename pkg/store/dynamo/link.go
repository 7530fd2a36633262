package dynamo

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
)

// A membership is two rows: the list row says that a socket is in a room, and is what Rooms reads; the room row says
// where the socket is, and is what Members reads. They have to agree when all who changed them have returned, and what
// a crash leaves has to be found: so a room row is never there without its list row for longer than a call, and the
// list row goes last.
//
// The list row has an id, for as long as it exists, and counts those who join; the room row carries the id and the
// number of whoever wrote it last. Whoever joins takes a number, writes the room row unless one with a higher number
// is there, and looks at the list row again. It may have vanished meanwhile: then all room rows with its id are left
// over. Or somebody has a higher number: then a room row that was made from nothing may have been made behind a Leave
// that does not know of it, and the one who made it begins anew.
//
// Whoever leaves deletes the room row, if it is the one of the list row's number, and then the list row, if nobody has
// joined since. If the room row is another, somebody is about to write it: then the list row goes first, and room rows
// with its id afterwards; who is about to write sees that.

// ticket is the number of one who joins.
type ticket struct {
	id      string // four random bytes of the list row
	number  uint32
	expires int64 // of the membership, in milliseconds
}

const ticketID, ticketNumber = 4, 3

// stamp returns the ticket as the room row carries it: id and number, in the order of the numbers.
func (t ticket) stamp() string {
	return t.id + string(binary.BigEndian.AppendUint32(nil, t.number)[4-ticketNumber:])
}

// shown is what became of a room row that was to be written.
type shown int

const (
	shownBy    shown = iota // another, with a higher number
	shownOver               // one with a lower number
	shownFresh              // nothing, or one of a list row of old
)

// links are the two rows of a membership, for one socket and any of its rooms.
type links interface {
	// enlist makes the list row if there is none, takes a number, and reports whether it made the row.
	enlist(ctx context.Context, room string) (t ticket, made bool, err error)
	// show writes the room row unless it has the ticket's id and a number that is as high. It keeps its address when
	// it has the id.
	show(ctx context.Context, room string, t ticket, made bool) (shown, error)
	// listed returns the list rows.
	listed(ctx context.Context) (map[string]ticket, error)
	// hide deletes the room row if it has the ticket's id and number. Else it returns what it has.
	hide(ctx context.Context, room string, t ticket) (ok bool, seen []byte, err error)
	// unlist deletes the list row if it has the ticket's id and number. Else it returns what it has, if it is there.
	unlist(ctx context.Context, room string, t ticket) (ok bool, now ticket, there bool, err error)
	// purge deletes the room row if it has the ticket's id, or is just as it was seen.
	purge(ctx context.Context, room string, t ticket, seen []byte) error
}

// joinTries is how often others may come between.
const joinTries = 100

// join adds a membership of each room and returns all that there are then.
func join(ctx context.Context, l links, rooms []string) (map[string]ticket, error) {
	for range joinTries {
		tickets := make([]ticket, len(rooms))
		became := make([]shown, len(rooms))
		err := each(ctx, len(rooms), func(ctx context.Context, i int) (err error) {
			var made bool
			if tickets[i], made, err = l.enlist(ctx, rooms[i]); err == nil {
				became[i], err = l.show(ctx, rooms[i], tickets[i], made)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		now, err := l.listed(ctx)
		if err != nil {
			return nil, err
		}
		again := make([]bool, len(rooms))
		err = each(ctx, len(rooms), func(ctx context.Context, i int) error {
			mine := tickets[i]
			t, there := now[rooms[i]]
			switch {
			case became[i] == shownBy:
			case !there:
				return l.purge(ctx, rooms[i], mine, nil)
			case t.id != mine.id, became[i] == shownFresh && t.number != mine.number:
				again[i] = true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		var next []string
		for i, room := range rooms {
			if again[i] {
				next = append(next, room)
			}
		}
		if len(next) == 0 {
			return now, nil
		}
		rooms = next
	}
	return nil, changing("Join")
}

// leave ends the membership of each room that there is one of.
func leave(ctx context.Context, l links, rooms []string) error {
	now, err := l.listed(ctx)
	if err != nil {
		return err
	}
	rooms = slices.DeleteFunc(slices.Clone(rooms), func(room string) bool { _, there := now[room]; return !there })
	return each(ctx, len(rooms), func(ctx context.Context, i int) error { return leaveOne(ctx, l, rooms[i], now[rooms[i]]) })
}

func leaveOne(ctx context.Context, l links, room string, t ticket) error {
	for range joinTries {
		hidden, seen, err := l.hide(ctx, room, t)
		if err != nil {
			return err
		}
		ok, now, there, err := l.unlist(ctx, room, t)
		switch {
		case err != nil:
			return err
		case ok && !hidden:
			return l.purge(ctx, room, t, seen)
		case ok, !there && hidden:
			return nil
		case !there: // another has deleted it, or this very call, whose answer was lost
			return l.purge(ctx, room, t, nil)
		}
		t = now
	}
	return changing("Leave")
}

// names returns the rooms, sorted.
func names(memberships map[string]ticket) []string { return slices.Sorted(maps.Keys(memberships)) }
