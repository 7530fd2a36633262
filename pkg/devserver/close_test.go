package devserver_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
)

// TestCloseCodesOfClients closes connections with all kinds of codes, and looks at what the client is answered with and
// at the reason that OnDisconnect gets. What is right is what ws 8.21 answers, and the reason that Node's server has.
func TestCloseCodesOfClients(t *testing.T) { bothWays(t, closeCodesOfClients) }

func closeCodesOfClients(t *testing.T, direct bool) {
	reasons := make(chan string, 1)
	io := socketio.New(socketio.Options{})
	io.Of("/").OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) error {
		reasons <- string(reason)
		return nil
	})
	s, err := devserver.Start(devserver.Options{Direct: direct, Engine: engine.Options{OrderedFrames: true}}, io) // nothing may be on its way behind a close
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for code, legal := range map[int]bool{
		0: false, 999: false, 1000: true, 1001: true, 1002: true, 1003: true, 1004: false, 1005: false, 1006: false, 1007: true, 1008: true,
		1009: true, 1010: true, 1011: true, 1012: true, 1013: true, 1014: true, 1015: false, 1016: false, 2000: false, 2999: false,
		3000: true, 3999: true, 4000: true, 4999: true, 5000: false, 6000: false, 65535: false,
	} {
		c := join(t, s.URL)
		if err := ws.WriteFrame(c, ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), "why")))); err != nil {
			t.Fatal(err)
		}
		want := code
		if !legal {
			want = 1002
		}
		if got := c.closed(t); got != want {
			t.Errorf("%d was answered with %d, want %d", code, got, want)
		}
		reason := "transport close"
		switch want {
		case 1002, 1003, 1007, 1009: // the gateway uses these, too, for what it refuses
			reason = "transport error"
		}
		if got := <-reasons; got != reason {
			t.Errorf("%d: %q, want %q", code, got, reason)
		}
	}
}

// peer is a WebSocket that speaks frame by frame.
type peer struct {
	net.Conn
	in io.Reader
}

func (p peer) Read(b []byte) (int, error) { return p.in.Read(b) }

// join opens a WebSocket and joins the main namespace.
func join(t *testing.T, url string) peer {
	t.Helper()
	nc, buffered, _, err := ws.Dial(t.Context(), strings.Replace(url, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	p := peer{nc, nc}
	if buffered != nil {
		p.in = io.MultiReader(bufio.NewReader(buffered), nc)
	}
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ hear, say string }{{"0{", "40"}, {"40{", ""}} {
		frame, err := wsutil.ReadServerText(p)
		if err != nil || !strings.HasPrefix(string(frame), step.hear) {
			t.Fatalf("%q, %v; want %s", frame, err, step.hear)
		}
		if step.say != "" {
			if err := wsutil.WriteClientText(p, []byte(step.say)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return p
}

// closed returns the code of the server's close frame, which has to be the next one.
func (p peer) closed(t *testing.T) int {
	t.Helper()
	h, err := ws.ReadHeader(p)
	if err != nil || h.OpCode != ws.OpClose || h.Length < 2 {
		t.Fatalf("%+v, %v", h, err)
	}
	var code [2]byte
	if _, err := io.ReadFull(p, code[:]); err != nil {
		t.Fatal(err)
	}
	return int(binary.BigEndian.Uint16(code[:]))
}
