package gateway_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/dozeio/doze/pkg/gateway"
)

var echoAnswer = []byte(`{"statusCode":200,"headers":null,"multiValueHeaders":null,"body":"430[\"hello\",42]"}`)

func echoBytes(context.Context, []byte) ([]byte, error) { return echoAnswer, nil }

var unlimited = gateway.Throttle{Rate: -1} // what a benchmark measures is not AWS's limit

// BenchmarkEcho is one message in and its route response out, client included, with a function that does nothing.
func BenchmarkEcho(b *testing.B) {
	for name, o := range map[string]gateway.Options{"parallel": {RouteResponse: true}, "ordered": {RouteResponse: true, OrderedFrames: true}} {
		b.Run(name, func(b *testing.B) {
			o.Account = unlimited
			o.Default, o.Connect, o.Disconnect = gateway.HandlerFunc(echoBytes), gateway.HandlerFunc(echoBytes), gateway.HandlerFunc(echoBytes)
			s := start(b, o)
			c := s.raw()
			out, err := ws.CompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`420["echo","hello",42]`))))
			if err != nil {
				b.Fatal(err)
			}
			in := make([]byte, 128)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(out); err != nil {
					b.Fatal(err)
				}
				if _, err := c.Read(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPost is one POST to @connections: over a kept-alive loopback connection, both ends included, and without a
// socket.
func BenchmarkPost(b *testing.B) {
	s := start(b, gateway.Options{Account: unlimited})
	c, id := s.connect()
	go s.closeCode(c)
	for name, t := range map[string]http.RoundTripper{"loopback": http.DefaultTransport, "inside": s.Transport()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := http.NewRequest("POST", s.server.URL+"/local/@connections/"+id, strings.NewReader(`42["said",{"text":"hello"}]`))
				if err != nil {
					b.Fatal(err)
				}
				res, err := t.RoundTrip(r)
				if err != nil || res.StatusCode != http.StatusOK {
					b.Fatal(res, err)
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		})
	}
}

// BenchmarkConnection reports what an idle connection takes, the client's socket included.
func BenchmarkConnection(b *testing.B) {
	s := start(b, gateway.Options{Account: unlimited, NewConnections: unlimited, Connect: gateway.HandlerFunc(echoBytes), Disconnect: gateway.HandlerFunc(echoBytes)})
	conns := make([]net.Conn, 0, 2000)
	before := memory()
	for b.Loop() {
		conns = conns[:0]
		for range cap(conns) {
			conns = append(conns, s.raw())
		}
		b.ReportMetric(float64(memory()-before)/float64(len(conns))/1024, "KiB/conn")
		for _, c := range conns {
			c.Close()
		}
	}
}

func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
