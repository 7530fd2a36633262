package gateway

import (
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// TestASlowClientIsNoDeadOne has a client take half of what waits for it in the time for one write, which is longer
// than that for all of it. It is sent more much later. In the end it takes nothing any more.
func TestASlowClientIsNoDeadOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, err := New(Options{IdleTimeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = g.Close(t.Context()) }()
		c := g.newConn(httptest.NewRequest("GET", "/", nil))
		client, server := net.Pipe()
		if err := c.start(server, nil); err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		defer c.stop()
		send := func() {
			if err := c.write(appendFrame(nil, ws.OpBinary, make([]byte, 1<<20))); err != nil {
				t.Fatal(err)
			}
		}
		send()
		for left := int64(1<<20 + 10); left > 0; {
			n, err := io.CopyN(io.Discard, client, min(left, writeStep/2))
			if err != nil {
				t.Fatalf("with %d bytes to come: %v", left, err)
			}
			left -= n
			time.Sleep(writeTime / 3)
		}
		time.Sleep(2 * writeTime)
		send()
		time.Sleep(writeTime - time.Second)
		if _, err := io.CopyN(io.Discard, client, writeStep); err != nil {
			t.Error("it was given up before its time:", err)
		}
		time.Sleep(writeTime + time.Second)
		if _, err := io.Copy(io.Discard, client); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		synctest.Wait()
		c.mu.Lock()
		if c.unsent != 0 || c.flushing || !c.cut {
			t.Errorf("%d bytes wait for a client that takes nothing", c.unsent)
		}
		c.mu.Unlock()
	})
}
