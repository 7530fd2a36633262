package oneprocess_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/socketio"
)

// hasty is a listener whose connections have half a second where a server says that they have longer than it has for
// headers.
type hasty struct{ net.Listener }

func (l hasty) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return hastyConn{c}, err
}

type hastyConn struct{ net.Conn }

func (c hastyConn) SetReadDeadline(t time.Time) error {
	if time.Until(t) > 15*time.Second {
		t = time.Now().Add(500 * time.Millisecond)
	}
	return c.Conn.SetReadDeadline(t)
}

// TestABodyThatDoesNotComeEndsItsConnection sends a part of one to each kind of path, which takes a body or does not.
// Meanwhile a GET waits, which has no such limit.
func TestABodyThatDoesNotComeEndsItsConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	page := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	s, err := oneprocess.StartOn(hasty{listener}, oneprocess.Options{
		Direct: true, Public: &oneprocess.Public{Health: "/healthz"}, Gateway: gateway.Options{Site: page},
	}, socketio.New(socketio.Options{}).Bind)
	if err != nil {
		t.Fatal(err)
	}
	part := map[string]net.Conn{}
	p, answer := poll(t, s), make(chan string, 1)
	go func() { answer <- p.get() }()
	for _, path := range []string{"/healthz", "/", "/page", "/metrics", "/socket.io/socket.io.js", "/socket.io/", "/socket.io/?EIO=4&transport=websocket"} {
		for _, header := range []string{"Content-Length: 100\r\n\r\nonly", "Transfer-Encoding: chunked\r\n\r\n64\r\nonly"} {
			request := "POST " + path + " HTTP/1.1\r\nHost: x\r\n" + header
			part[request] = dial(t, s, request)
		}
	}
	for request, c := range part {
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); os.IsTimeout(err) {
			t.Errorf("it is waited for the body of %q", request)
		}
	}
	if err := within(t, s, 5*time.Second); err != nil {
		t.Error(err)
	}
	if got := <-answer; got != "200 1" {
		t.Errorf("who has polled meanwhile is answered %q", got)
	}
}
