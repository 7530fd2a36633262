//go:build full

package tests

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/tests/kit/clientapp"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// TestEarlyFrames lets clients say 40 as soon as they are connected, without waiting for the open packet, which comes
// first all the same. A stock client waits; but no server may depend on that. That others leave may be told before 40
// is answered: see docs/guarantees.md.
func TestEarlyFrames(t *testing.T) {
	for _, g := range []gatewayKind{gateways[1], gateways[2], direct} {
		t.Run(g.name, func(t *testing.T) {
			s, err := oneprocess.Start(g.server(), clientapp.New().Bind)
			closeAfter(t, s, err)
			earlyFrames(t, s.URL)
		})
	}
}

// TestEarlyFramesAsProcesses is the same where one process accepts a connection, and another gets its first frame.
func TestEarlyFramesAsProcesses(t *testing.T) {
	all := newDeployments(t)
	for _, g := range apart {
		t.Run(g.name, func(t *testing.T) { earlyFrames(t, all.start(t, g.processes("client")).URL) })
	}
}

// earlyFrames connects forty clients, some at a time.
func earlyFrames(t *testing.T, url string) {
	c := rawclient.New(url)
	defer c.Close()
	early := func() error {
		conn, err := c.Dial(t.Context(), rawclient.WebSocket)
		if err != nil {
			return err
		}
		defer conn.Reset()
		if err := conn.Send(t.Context(), "40"); err != nil {
			return err
		}
		if f, err := conn.Next(t.Context()); err != nil || !strings.HasPrefix(f, "0{") {
			return fmt.Errorf("%q, %w instead of an open packet", f, err)
		}
		until := func(prefix string) error {
			for f := ""; !strings.HasPrefix(f, prefix); {
				if f, err = conn.Message(t.Context()); err != nil || !strings.HasPrefix(f, prefix) && !strings.HasPrefix(f, `42["peer-left",`) && !strings.HasPrefix(f, `42["hello",`) {
					return fmt.Errorf("%q, %w instead of %s", f, err, prefix)
				}
			}
			return nil
		}
		if err := until("40{"); err != nil {
			return err
		}
		if err := conn.Send(t.Context(), `421["echo",1]`); err != nil {
			return err
		}
		if err := until("431[1]"); err != nil {
			return err
		}
		return conn.Close(1000)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				if err := early(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
