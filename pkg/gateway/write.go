package gateway

import (
	"errors"
	"os"
	"time"

	"github.com/gobwas/ws"
)

// headerRoom is what a server's frame header takes at most.
const headerRoom = 10

// appendFrame appends a whole, unmasked frame.
func appendFrame(b []byte, op ws.OpCode, payload []byte) []byte {
	b = appendHeader(b, op, len(payload))
	return append(b, payload...)
}

func appendHeader(b []byte, op ws.OpCode, length int) []byte {
	b = append(b, 0x80|byte(op))
	switch {
	case length < 126:
		return append(b, byte(length))
	case length < 1<<16:
		return append(b, 126, byte(length>>8), byte(length))
	}
	n := uint64(length)
	return append(b, 127, byte(n>>56), byte(n>>48), byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// write sends a frame to an open connection without waiting for the client, or returns errGone or errBufferFull. The
// frame is not kept.
func (c *conn) write(frame []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open {
		return errGone
	}
	full := func() bool { return c.unsent > 0 && c.unsent+len(frame) > c.g.opt.WriteBuffer }
	if full() && c.uncork() == nil && full() { // what is held back here is not the client's fault
		return errBufferFull
	}
	return c.enqueue(frame)
}

// enqueue gives the socket what it takes at once and leaves the rest to a goroutine that lives as long as the client is
// slow. The mutex is held.
func (c *conn) enqueue(b []byte) error {
	switch {
	case c.flushing, !c.corked && c.unsent == 0:
		return c.push(b)
	case c.cork(b):
		return nil
	}
	return c.uncork()
}

// push is enqueue for what does not wait for more.
func (c *conn) push(b []byte) error {
	if !c.flushing {
		n, err := c.socket.writeNow(b)
		if err != nil {
			return errGone // the reader will notice
		}
		if b = b[n:]; len(b) == 0 {
			return nil
		}
		if !c.g.tasks.run(c.flush) {
			return errGone
		}
		c.flushing = true
	}
	c.pending = append(c.pending, b...)
	c.unsent += len(b)
	return nil
}

// While several messages of a client are handled one after the other, what is written to it is gathered, and leaves in
// one system call with what the last of them writes: one call costs as much as all else that an answer costs. What a
// slow handler holds up leaves after corkTime.
const (
	maxCorked = 16 << 10
	corkTime  = time.Millisecond
)

// cork keeps a frame for the next push, and reports whether more is to be waited for. The mutex is held.
func (c *conn) cork(b []byte) bool {
	if c.unsent == 0 {
		if c.corkTime == nil {
			c.corkTime = time.AfterFunc(corkTime, func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				_ = c.uncork() // the reader will notice
			})
		} else {
			c.corkTime.Reset(corkTime)
		}
	}
	c.pending = append(c.pending, b...)
	c.unsent += len(b)
	return c.corked && c.unsent <= maxCorked
}

// uncork sends what waits for more. The mutex is held.
func (c *conn) uncork() error {
	if c.flushing || c.unsent == 0 {
		return nil
	}
	c.corkTime.Stop()
	b := c.pending
	c.pending, c.unsent = nil, 0
	return c.push(b)
}

// writeStep is what a client has to take within the time for one write: so much at once is progress.
const writeStep = 32 << 10

func (c *conn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.pending) > 0 {
		step := c.pending[:min(len(c.pending), writeStep)]
		c.pending = c.pending[len(step):]
		c.mu.Unlock()
		c.nc.SetWriteDeadline(time.Now().Add(c.g.writeTime))
		_, err := c.nc.Write(step)
		c.mu.Lock()
		c.unsent -= len(step)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.g.opt.Logger.Warn("a client that takes nothing is disconnected", "connection", c.id, "time", c.g.writeTime)
			}
			c.pending, c.unsent, c.cut = nil, 0, true
			c.nc.Close()
		}
	}
	c.nc.SetWriteDeadline(time.Time{}) // or later writes would fail when it has passed
	c.pending, c.flushing = nil, false
	if c.state == closed {
		closeWrite(c.nc)
	}
}
