package leftovers

import (
	"context"
	"errors"
	"sync"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// network is how clients reach the server: through sockets, or by invoking the functions as the gateway does.
type network interface {
	do(ctx context.Context, method, query, body string) (rawclient.Answer, error)
	dial(ctx context.Context, query string) (line, error)
}

// line is a WebSocket connection.
type line interface {
	send(ctx context.Context, frames ...string) error
	sendBinary(ctx context.Context, data []byte) error
	next(ctx context.Context) (string, error)
	close(code int)  // with a close frame
	reset()          // without
	kill(sid string) // as reset, but it is the network in between that breaks
	forget()         // at the end of the test, when the server has had its chance
}

// sockets is the network of clients that are really there.
type sockets struct {
	client  *rawclient.Client
	gateway *gateway.Gateway
	ids     *connectionIDs
}

func (s *sockets) do(ctx context.Context, method, query, body string) (rawclient.Answer, error) {
	return s.client.Do(ctx, method, query, body)
}

func (s *sockets) dial(ctx context.Context, query string) (line, error) {
	c, err := s.client.Dial(ctx, query)
	if err != nil {
		return nil, err
	}
	return &socketLine{c, s}, nil
}

type socketLine struct {
	*rawclient.Conn
	network *sockets
}

func (l *socketLine) send(ctx context.Context, frames ...string) error { return l.Send(ctx, frames...) }
func (l *socketLine) sendBinary(ctx context.Context, b []byte) error   { return l.SendBinary(ctx, b) }
func (l *socketLine) next(ctx context.Context) (string, error)         { return l.Message(ctx) }
func (l *socketLine) close(code int)                                   { _ = l.Close(code) }
func (l *socketLine) reset()                                           { l.Reset() }
func (l *socketLine) forget()                                          { l.Reset() }

// kill resets a connection whose id is not known, as on the direct way.
func (l *socketLine) kill(sid string) {
	if !l.network.gateway.Kill(l.network.ids.of(sid)) {
		l.reset()
	}
}

// connectionIDs learns from what the engine writes which connection belongs to which session: clients do not know.
type connectionIDs struct {
	engine.Store
	mu      sync.Mutex
	ids     map[string]string
	created []engine.Session
}

func (c *connectionIDs) Create(ctx context.Context, s engine.Session, handshake []byte, live *engine.Live) error {
	c.mu.Lock()
	c.created = append(c.created, s)
	if a := string(s.Address); a[0] == 'w' {
		c.ids[s.SID] = a[1:]
	}
	c.mu.Unlock()
	return c.Store.Create(ctx, s, handshake, live)
}

func (c *connectionIDs) of(sid string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ids[sid]
}

// left returns the rows that are neither closed nor moved.
func (c *connectionIDs) left(ctx context.Context) (left []engine.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.created {
		row, err := c.Store.Get(ctx, s.Address, true)
		if err == nil && row.State != engine.Absent && row.State != engine.Closed && row.State != engine.Moved {
			left = append(left, row)
		}
	}
	return left
}

var errEnded = errors.New("the connection has ended")
