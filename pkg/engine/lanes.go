package engine

import (
	"context"
	"sync"
)

// lanes lets one post per connection through at a time, so that the frames of a binary packet stay together whoever
// else in this process sends to the same connection. A lane exists only while somebody is in it.
type lanes struct {
	mu     sync.Mutex
	busy   map[string]*lane
	unused []*lane
}

type lane struct {
	free  chan struct{} // holds a token while nobody sends
	users int
}

// maxUnused lanes are kept for others, because a lane is made for each post.
const maxUnused = 64

// enter waits for the lane of a connection, or for ctx to end. Without an error the caller has to leave it.
func (l *lanes) enter(ctx context.Context, connection string) (*lane, error) {
	l.mu.Lock()
	if l.busy == nil {
		l.busy = map[string]*lane{}
	}
	mine := l.busy[connection]
	if mine == nil {
		mine = l.lane()
		l.busy[connection] = mine
	}
	mine.users++
	l.mu.Unlock()
	select {
	case <-mine.free:
		return mine, nil
	default:
	}
	select {
	case <-mine.free:
		return mine, nil
	case <-ctx.Done():
		l.forget(connection, mine)
		return nil, ctx.Err()
	}
}

// lane returns one that is free. l.mu is held.
func (l *lanes) lane() *lane {
	if n := len(l.unused) - 1; n >= 0 {
		mine := l.unused[n]
		l.unused = l.unused[:n]
		return mine
	}
	mine := &lane{free: make(chan struct{}, 1)}
	mine.free <- struct{}{}
	return mine
}

// leave lets the next one in.
func (l *lanes) leave(connection string, mine *lane) {
	mine.free <- struct{}{}
	l.forget(connection, mine)
}

func (l *lanes) forget(connection string, mine *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(l.busy, connection)
		if len(l.unused) < maxUnused {
			l.unused = append(l.unused, mine)
		}
	}
}
