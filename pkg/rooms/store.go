package rooms

import (
	"context"
	"time"
)

// Store keeps memberships. It is written for a database with writes of single items and queries of one partition, and
// without transactions. Every method may be called by any number of processes at once, and again after an error.
//
// The room "" of a namespace holds all its sockets. A socket is also the one member of a room that is named like
// its id, for as long as it is in "": that room has no rows of its own, and others may join it too.
//
// When a Join and a Leave of one socket and one room run at the same time, the outcome is as if one of them had run
// after the other: a room that Members shows a socket in is one that Rooms lists for it, and the other way round,
// once all calls have returned.
type Store interface {
	// Join adds a socket to rooms of a namespace. Where it is already, it keeps its address and its expiry. It returns
	// how many rooms the socket is in, "" not counted, or 0 when it has not counted, which may cost: one call in 16 of
	// many does, and what it has counted may be some time old. Without rooms it only counts.
	Join(ctx context.Context, namespace string, m Member, rooms ...string) (int, error)

	// Leave removes a socket from rooms of a namespace, without rooms from all that it is in but "". It is no
	// error when the socket is not in them.
	Leave(ctx context.Context, namespace, socket string, rooms ...string) error

	// Move changes the address of a socket in all rooms that it is in, and adds it to none.
	Move(ctx context.Context, namespace, socket, address string) error

	// Members returns one page of a room's members, strongly consistent, in any order, and the cursor of the next
	// page, "" after the last. The first page's cursor is "". A page may be empty.
	Members(ctx context.Context, namespace, room, cursor string) (page []Member, next string, err error)

	// Rooms returns the rooms that a socket has joined, strongly consistent, sorted; neither "" nor its own id.
	Rooms(ctx context.Context, namespace, socket string) ([]string, error)

	// Counts returns how many members each room of a namespace has. "" is left out, and so is everybody's membership
	// of their own room: a room named like a socket's id is there when others have joined it. It may be some time old.
	Counts(ctx context.Context, namespace string) (map[string]int, error)
}

// Splitter is what a Store may have besides, for rooms that are larger than a page.
type Splitter interface {
	// Split divides what Members has not returned yet into parts that can be read at the same time. It gets the cursor
	// that the first page of a room came with, and returns one or more: each is followed to its end, as Members says.
	// Together they return what that cursor alone would have: each member once. It reads nothing.
	Split(room, cursor string) []string
}

// Member is a socket in a room.
type Member struct {
	Socket  string
	Address string
	Expires time.Time // the row is absent from then on, whether or not the store has deleted it; zero: never
}
