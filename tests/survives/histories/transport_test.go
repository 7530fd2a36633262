//go:build full

package histories

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/dozeio/doze/tests/kit/rawclient"
)

// startPolls polls until a pause or the end.
func (c *client) startPolls() {
	over := make(chan struct{})
	c.mu.Lock()
	c.pausing, c.polling = false, over
	c.mu.Unlock()
	c.reading.Go(func() {
		defer close(over)
		for {
			c.dawdle()
			c.mu.Lock()
			more := c.dead == "" && !c.pausing
			c.mu.Unlock()
			if !more {
				return
			}
			a, err := c.h.run.raw.Do(c.ctx, http.MethodGet, rawclient.Session(c.sid), "")
			if err != nil || a.Status != http.StatusOK {
				c.end("a GET was answered %d %.40q, %v", a.Status, a.Body, err)
				return
			}
			for packet := range strings.SplitSeq(a.Body, "\x1e") {
				c.packet(packet)
			}
		}
	})
}

// read reads a connection to its end, which is the session's once it has it.
func (c *client) read(line *rawclient.Conn) {
	c.reading.Go(func() {
		for {
			c.dawdle()
			frame, err := line.Next(c.ctx)
			if err == nil {
				if frame == "3probe" {
					c.probed <- struct{}{}
					continue
				}
				c.packet(frame)
				continue
			}
			c.mu.Lock()
			if c.line == line {
				c.endLocked(fmt.Sprintf("the connection has ended: %v", err))
			}
			c.mu.Unlock()
			return
		}
	})
}

// send sends a packet by whatever transport there is. What goes wrong ends the session.
func (c *client) send(packet string) {
	c.mu.Lock()
	line, dead := c.line, c.dead != ""
	c.mu.Unlock()
	if dead {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if line != nil {
		if err := line.Send(ctx, packet); err != nil {
			c.end("a frame could not be sent: %v", err)
		}
		return
	}
	a, err := c.h.run.raw.Do(ctx, http.MethodPost, rawclient.Session(c.sid), packet)
	c.mu.Lock()
	moved := c.line != nil
	c.mu.Unlock()
	if err != nil || a.Status != http.StatusOK && !moved {
		c.end("a POST was answered %d %.40q, %v", a.Status, a.Body, err)
	}
}

// upgrade takes the session to a WebSocket. When the probe fails, it polls on.
func (c *client) upgrade() {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	line, err := c.h.run.raw.Dial(ctx, rawclient.Probe(c.sid))
	if err != nil {
		return
	}
	c.read(line)
	_ = line.Send(ctx, "2probe")
	select {
	case <-c.probed:
	case <-ctx.Done():
		line.Reset()
		return
	}
	c.mu.Lock()
	c.pausing = true
	polling := c.polling
	c.mu.Unlock()
	select {
	case <-polling:
	case <-ctx.Done():
		c.end("a poll goes on for all that the session is probed")
	}
	c.mu.Lock()
	c.line = line
	dead := c.dead != ""
	c.mu.Unlock()
	if dead {
		line.Reset()
		return
	}
	c.h.run.upgrades.Add(1)
	c.send("5")
}

// leave ends the session in one of the ways that clients have.
func (c *client) leave(how int) {
	c.mu.Lock()
	line := c.line
	c.mu.Unlock()
	switch {
	case how == 0:
		c.send("1")
	case how == 1 && line != nil:
		_ = line.Close(1000)
	case how == 2 && line != nil:
		line.Reset()
	}
	c.end("it has left")
	if line != nil && how == 3 {
		go func() { // silent, but there: until the server finds out
			<-c.h.run.ctx.Done()
			line.Reset()
		}()
		return
	}
	if line != nil {
		line.Reset()
	}
}
