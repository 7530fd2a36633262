package rooms

import "context"

// Everybody is the room that holds all sockets of a namespace.
const Everybody = ""

// Target names the sockets of a broadcast: the members of any of Rooms, but not the members of a room in Except, and
// not the socket Skip. Without Rooms it is nobody.
type Target struct {
	Namespace string
	Rooms     []string
	Except    []string
	Skip      string
}

// Adapter finds the recipients of broadcasts. It holds no state and is safe for concurrent use.
type Adapter struct {
	Store   Store
	AtATime int // recipients of one broadcast that are served at a time; 0: 64; 1: they are served by the goroutine that reads the room
}

// Rest is what a broadcast has not come to. The zero Rest is nothing.
type Rest struct {
	Parts []Part // of rooms, for Resume
	Known int    // recipients in them that were read
	More  bool   // there may be others, which were not read
}

// Part is one page of a room and all that comes after it, but the sockets that are Done.
type Part struct {
	Room, Cursor string
	Done         []string
}

// Broadcast calls deliver once for each recipient, several at a time, page by page as the rooms are read, and returns
// when all calls have returned. Recipients are those that a strongly consistent read finds during the call. The error
// joins those of the reads and of deliver; one recipient's does not keep the others from being served. When ctx ends,
// nobody else is, and its cause is one of those.
//
// After an error of a read or of ctx, Rest says whom deliver was not called for.
func (a Adapter) Broadcast(ctx context.Context, t Target, deliver func(context.Context, Member) error) (Rest, error) {
	parts := make([]Part, len(t.Rooms))
	for i, room := range t.Rooms {
		parts[i].Room = room
	}
	return a.Resume(ctx, t, parts, deliver)
}

// Resume is Broadcast to what another broadcast to t has not come to, in place of t.Rooms. It reads again, also the
// rooms in Except: who has joined meanwhile is a recipient, who has left is not. Where t names several rooms, who was
// served as a member of one may be a recipient as a member of another.
func (a Adapter) Resume(ctx context.Context, t Target, parts []Part, deliver func(context.Context, Member) error) (Rest, error) {
	b := newBroadcast(ctx, a, t, deliver)
	err := b.run(t.Except, parts)
	return b.rest, err
}
