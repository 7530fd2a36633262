package dynamo

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// A membership is two rows: the list row says that a socket is in a room, and is what Rooms reads; the room row says
// where the socket is, and is what Members reads. They have to agree when all who changed them have returned, and what
// a crash leaves has to be found: so a room row is never there without its list row for longer than a call, and the
// list row goes last.
//
// The list row has an id, for as long as it exists, and counts those who join; the room row carries the id and the
// number of whoever wrote it last.
//
// Whoever makes the list row is its number one. If it then makes the room row where there is none at all, the two are
// there, and it is done: who leaves sees to it that this cannot happen any more once the list row is gone.
//
// Whoever else joins takes a number, writes the room row unless one with a higher number is there, and looks at the
// list row again. It may have vanished meanwhile: then all room rows with its id are left over. Or somebody has a
// higher number: then a room row that was made from nothing may have been made behind a Leave that does not know of it,
// and the one who made it begins anew. With one number a room row is written once: the answer to a write may be lost,
// so that what was refused may have been done and undone, and what was done twice begins anew.
//
// Whoever leaves deletes the room row, if it is the one of the list row's number, and then the list row, if nobody has
// joined since. If the room row is another or is not there, somebody is about to write it: then a tombstone takes its
// place for some minutes, which has the list row's id and number and no address, and which nobody writes over who has
// no higher number. The same if the list row says that its room row was made by another than its number one, who may
// still be about to make it.

// ticket is the number of one who joins.
type ticket struct {
	id      string // four random characters of the list row
	number  uint32
	expires int64 // of the membership, in milliseconds
	raced   bool  // the list row's: its room row was made from nothing by another than number one
}

const ticketID, ticketNumber = 4, 4

// digits are in the order in which strings are compared.
const digits = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

// numeral writes a number to the base of 64, which keeps the order.
func numeral(n uint32, length int) string {
	b := make([]byte, length)
	for i := range b {
		b[length-1-i] = digits[n%64]
		n /= 64
	}
	return string(b)
}

// numberFrom reads a numeral.
func numberFrom(s string) (n uint32) {
	for i := range len(s) {
		n = n*64 + uint32(max(0, strings.IndexByte(digits, s[i])))
	}
	return n
}

// stamp returns the ticket as the room row carries it: id and number, in the order of the numbers.
func (t ticket) stamp() string { return t.id + numeral(t.number, ticketNumber) }

// shown is what became of a room row that was to be written.
type shown int

const (
	shownNot   shown = iota // it is the other of the two: one is to be made, or one is there
	shownBy                 // by another, with a higher number
	shownOver               // over one with a lower number
	shownFresh              // from nothing, or over one of a list row of old
	shownFirst              // from nothing, by number one, who need not look again
	shownTwice              // from nothing, and as the first answer was lost, maybe again after somebody has deleted it
)

// place is what a room row is to be written over.
type place int

const (
	overNone  place = iota // there is no row at all
	overOther              // there is none, one with another id, or a tombstone with a lower number
	overMine               // there is one with the ticket's id and a lower number, whose address stays
)

// buried is what a tombstone has after its stamp, where the address of other room rows is.
const buried = "!"

// links are the two rows of a membership, for one socket and any of its rooms.
type links interface {
	// enlist makes the list row if there is none, takes a number, and reports whether it made the row, which it marks
	// as raced when asked to.
	enlist(ctx context.Context, room string, raced bool) (t ticket, made bool, err error)
	// show writes the room row.
	show(ctx context.Context, room string, t ticket, over place) (shown, error)
	// listed returns the list rows.
	listed(ctx context.Context) (map[string]ticket, error)
	// look returns the stamp that the room row has, "" when there is none, or a tombstone.
	look(ctx context.Context, room string) (seen string, err error)
	// hide deletes the room row if it has the ticket's id and number.
	hide(ctx context.Context, room string, t ticket) (ok bool, err error)
	// bury puts a tombstone where there is no room row with the ticket's id and as high a number, and reports whether
	// it is there.
	bury(ctx context.Context, room string, t ticket) (ok bool, err error)
	// unlist deletes the list row if it has the ticket's id and number. Else it returns what it has, if it is there.
	unlist(ctx context.Context, room string, t ticket) (ok bool, now ticket, there bool, err error)
	// purge deletes the room row if it has the ticket's id and is no tombstone.
	purge(ctx context.Context, room string, t ticket) error
}

// joinTries is how often others may come between.
const joinTries = 100

// join adds a membership of each room.
func join(ctx context.Context, l links, rooms []string) error {
	for range joinTries {
		tickets := make([]ticket, len(rooms))
		became := make([]shown, len(rooms))
		err := each(ctx, len(rooms), func(ctx context.Context, i int) (err error) {
			tickets[i], became[i], err = enter(ctx, l, rooms[i])
			return err
		})
		sure := func(s shown) bool { return s == shownFirst || s == shownBy }
		if err != nil || !slices.ContainsFunc(became, func(s shown) bool { return !sure(s) }) {
			return err
		}
		now, err := l.listed(ctx)
		if err != nil {
			return err
		}
		again := make([]bool, len(rooms))
		err = each(ctx, len(rooms), func(ctx context.Context, i int) error {
			mine := tickets[i]
			t, there := now[rooms[i]]
			switch {
			case sure(became[i]):
			case !there:
				return l.purge(ctx, rooms[i], mine)
			case t.id != mine.id, became[i] == shownFresh && t.number != mine.number:
				again[i] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
		var next []string
		for i, room := range rooms {
			if again[i] {
				next = append(next, room)
			}
		}
		if len(next) == 0 {
			return nil
		}
		rooms = next
	}
	return changing("Join")
}

// enter writes the two rows of a membership.
func enter(ctx context.Context, l links, room string) (ticket, shown, error) {
	fresh, raced := false, false
	for range joinTries {
		t, made, err := l.enlist(ctx, room, raced)
		if err != nil {
			return t, shownNot, err
		}
		over := overMine
		switch {
		case made && t.number == 1 && !raced:
			over = overNone
		case made || fresh:
			over = overOther
		}
		became, err := l.show(ctx, room, t, over)
		if err != nil || became != shownNot && became != shownTwice {
			return t, became, err
		}
		fresh = became == shownNot && over != overOther
		raced = fresh
	}
	return ticket{}, shownNot, changing("Join")
}

// leave ends the membership of each room that there is one of; without rooms, of all that are listed but one's own.
func leave(ctx context.Context, l links, own string, rooms []string) error {
	now, err := l.listed(ctx)
	if err != nil {
		return err
	}
	if len(rooms) == 0 {
		rooms = slices.DeleteFunc(names(now), func(room string) bool { return room == own })
	}
	return each(ctx, len(rooms), func(ctx context.Context, i int) error {
		if t, there := now[rooms[i]]; there {
			return leaveOne(ctx, l, rooms[i], t)
		}
		return leaveNone(ctx, l, rooms[i])
	})
}

// leaveNone is for a room that is not listed. A room row may have been left by one who joined and died, and is left
// over if its list row is not there after it has been seen, for that was made before.
func leaveNone(ctx context.Context, l links, room string) error {
	seen, err := l.look(ctx, room)
	if err != nil || len(seen) < ticketID {
		return err
	}
	now, err := l.listed(ctx)
	left := ticket{id: seen[:ticketID]}
	if err != nil || now[room].id == left.id {
		return err
	}
	return l.purge(ctx, room, left)
}

func leaveOne(ctx context.Context, l links, room string, t ticket) error {
	for range joinTries {
		gone, err := l.hide(ctx, room, t)
		if err == nil && (!gone || t.raced) {
			gone, err = l.bury(ctx, room, t)
		}
		if err != nil {
			return err
		}
		var now ticket
		var there bool
		if gone {
			var ok bool
			if ok, now, there, err = l.unlist(ctx, room, t); err != nil || ok {
				return err
			}
		} else { // somebody has written it
			all, err := l.listed(ctx)
			if err != nil {
				return err
			}
			now, there = all[room]
		}
		if !there { // another has deleted it, or this very call, whose answer was lost
			return l.purge(ctx, room, t)
		}
		t = now
	}
	return changing("Leave")
}

// became returns what a room row that was to be written has become, by what it has instead.
func (t ticket) became(seen string) shown {
	if len(seen) < len(t.stamp()) || seen[:ticketID] != t.id {
		return shownNot
	}
	switch stamp := seen[:len(t.stamp())]; {
	case stamp > t.stamp(), stamp == t.stamp() && strings.HasSuffix(seen, buried):
		return shownBy
	case stamp == t.stamp(): // by this very write, whose first answer was lost
		return shownFresh
	}
	return shownNot
}

// names returns the rooms, sorted.
func names(memberships map[string]ticket) []string { return slices.Sorted(maps.Keys(memberships)) }
