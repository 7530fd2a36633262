package oneprocess_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"context"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
)

// BenchmarkDirectAcks sends events with acks over one WebSocket of a server without events of AWS, 64 under way. The
// client's own work is in the figure.
func BenchmarkDirectAcks(b *testing.B) {
	io1 := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	io1.Of("/").On("echo", func(_ context.Context, _ *socketio.Socket, args socketio.Args) (socketio.Args, error) {
		return args, nil
	})
	s, err := oneprocess.Start(oneprocess.Options{Direct: true, Engine: engine.Options{ClientRate: -1}}, io1.Bind)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(b.Context())
	nc, early, _, err := ws.Dial(b.Context(), strings.Replace(s.URL, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	in := bufio.NewReaderSize(nc, 64<<10)
	if early != nil {
		in = early
	}
	read := func(prefix string) {
		for {
			h, err := ws.ReadHeader(in)
			if err != nil {
				b.Fatal(err)
			}
			p := make([]byte, h.Length)
			if _, err := io.ReadFull(in, p); err != nil {
				b.Fatal(err)
			}
			if bytes.HasPrefix(p, []byte(prefix)) {
				return
			}
		}
	}
	read("0{")
	if err := wsutil.WriteClientText(nc, []byte("40")); err != nil {
		b.Fatal(err)
	}
	read("40{")
	frame := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`421["echo","hello",1,{"a":true}]`))))
	write := func(nc net.Conn) {
		if _, err := nc.Write(frame); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	sent, got := 0, 0
	for b.Loop() {
		for sent-got < 64 {
			write(nc)
			sent++
		}
		read("431[")
		got++
	}
}
