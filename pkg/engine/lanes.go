package engine

import "sync"

// lanes lets one post per connection through at a time, so that the frames of a binary packet stay together whoever
// else in this process sends to the same connection. A lane exists only while somebody is in it.
type lanes struct {
	mu   sync.Mutex
	busy map[string]*lane
}

type lane struct {
	mu    sync.Mutex
	users int
}

// enter waits for the lane of a connection. The caller has to call the function it returns.
func (l *lanes) enter(connection string) (leave func()) {
	l.mu.Lock()
	if l.busy == nil {
		l.busy = map[string]*lane{}
	}
	mine := l.busy[connection]
	if mine == nil {
		mine = &lane{}
		l.busy[connection] = mine
	}
	mine.users++
	l.mu.Unlock()
	mine.mu.Lock()
	return func() {
		mine.mu.Unlock()
		l.mu.Lock()
		if mine.users--; mine.users == 0 {
			delete(l.busy, connection)
		}
		l.mu.Unlock()
	}
}

// used reports whether somebody is sending to a connection.
func (l *lanes) used(connection string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.busy[connection] != nil
}
