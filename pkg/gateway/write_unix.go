//go:build unix

package gateway

import "syscall"

// writeNow writes what the socket's buffer takes without waiting.
func writeNow(raw syscall.RawConn, b []byte) (n int, err error) {
	if raw == nil {
		return 0, nil
	}
	rawErr := raw.Write(func(fd uintptr) bool {
		n, err = syscall.Write(int(fd), b)
		return true
	})
	if n < 0 {
		n = 0
	}
	if rawErr != nil {
		return n, rawErr
	}
	if err == syscall.EAGAIN || err == syscall.EINTR {
		err = nil
	}
	return n, err
}
