//go:build unix

package gateway

import (
	"net"
	"syscall"
)

// socket is one that can be written to without waiting.
type socket struct {
	raw   syscall.RawConn
	write func(fd uintptr) bool // of b; made once, so that a write needs no memory
	b     []byte
	n     int
	err   error
}

// init makes a socket of a connection, if it has one.
func (s *socket) init(nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	s.raw, _ = tcp.SyscallConn()
	s.write = func(fd uintptr) bool {
		s.n, s.err = syscall.Write(int(fd), s.b)
		return true
	}
}

// writeNow writes what the socket's buffer takes without waiting: nothing where that cannot be. One call at a time.
func (s *socket) writeNow(b []byte) (n int, err error) {
	if s.raw == nil {
		return 0, nil
	}
	s.b, s.n, s.err = b, 0, nil
	rawErr := s.raw.Write(s.write)
	n, err = max(0, s.n), s.err
	s.b, s.err = nil, nil
	if rawErr != nil {
		return n, rawErr
	}
	if err == syscall.EAGAIN || err == syscall.EINTR {
		err = nil
	}
	return n, err
}
