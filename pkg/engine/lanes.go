package engine

import (
	"context"
	"sync"
)

// lanes lets one post per connection through at a time, so that the frames of a binary packet stay together whoever
// else in this process sends to the same connection. A lane exists only while somebody is in it.
type lanes struct {
	mu   sync.Mutex
	busy map[string]*lane
}

type lane struct {
	free  chan struct{} // holds a token while nobody sends
	users int
}

// enter waits for the lane of a connection, or for ctx to end. Without an error the caller has to call leave.
func (l *lanes) enter(ctx context.Context, connection string) (leave func(), err error) {
	l.mu.Lock()
	if l.busy == nil {
		l.busy = map[string]*lane{}
	}
	mine := l.busy[connection]
	if mine == nil {
		mine = &lane{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		l.busy[connection] = mine
	}
	mine.users++
	l.mu.Unlock()
	select {
	case <-mine.free:
		return func() {
			mine.free <- struct{}{}
			l.leave(connection, mine)
		}, nil
	case <-ctx.Done():
		l.leave(connection, mine)
		return nil, ctx.Err()
	}
}

func (l *lanes) leave(connection string, mine *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(l.busy, connection)
	}
}
