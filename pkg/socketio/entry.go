package socketio

import (
	"encoding/base64"
	"encoding/binary"
	"io"
	"strings"
	"time"
)

// entry is what a session keeps about one namespace, in this form:
//
//	offset  0      1               21         27
//	        state  socket id (20)  version    data (JSON, may be empty)
//
// The version is random and changes with every write, so that an old value never equals a new one. When the socket
// leaves, the time comes between version and data: 8 bytes, milliseconds since 1970.
type entry []byte

const (
	connected = 'c'
	left      = 'l' // the client has left; what is still on its way to or from it is dropped
	removed   = 'r' // the server has removed it, which the client may not know yet

	idLength      = 20
	versionLength = 6
	dataOffset    = 1 + idLength + versionLength
	timeLength    = 8
)

// is reports whether the entry has a state.
func (e entry) is(state byte) bool { return len(e) >= dataOffset && e[0] == state }

func (e entry) connected() bool { return e.is(connected) }

func (e entry) id() string {
	if len(e) < dataOffset {
		return ""
	}
	return string(e[1 : 1+idLength])
}

// data returns the socket's data, or what it was when the socket left.
func (e entry) data() []byte {
	if e.connected() {
		return e[dataOffset:]
	}
	return e[min(len(e), dataOffset+timeLength):]
}

// leaving returns when and why the socket has left.
func (e entry) leaving() (time.Time, Reason) {
	reason := ClientDisconnect
	if e.is(removed) {
		reason = ServerDisconnect
	}
	if len(e) < dataOffset+timeLength {
		return time.Time{}, reason
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(e[dataOffset:]))), reason
}

// newEntry makes the entry of a connected socket.
func (s *Server) newEntry(id string, data []byte) (entry, error) {
	e, err := s.entryHead(connected, id, len(data))
	return append(e, data...), err
}

// leftEntry makes the entry of a socket that leaves now.
func (s *Server) leftEntry(reason Reason, id string, data []byte) (entry, error) {
	state := byte(left)
	if reason == ServerDisconnect {
		state = removed
	}
	e, err := s.entryHead(state, id, timeLength+len(data))
	e = binary.BigEndian.AppendUint64(e, uint64(s.now().UnixMilli()))
	return append(e, data...), err
}

// entryHead makes what comes before the data, with room for more.
func (s *Server) entryHead(state byte, id string, more int) (entry, error) {
	version, err := s.randomText(versionLength)
	e := append(make(entry, 0, dataOffset+more), state)
	return append(append(e, id...), version...), err
}

// isID reports whether a text has the form of a socket's id.
func isID(text string) bool {
	return len(text) == idLength && !strings.ContainsFunc(text, func(c rune) bool {
		return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}

// randomText returns n random characters of those that need no escaping anywhere; n is at most 24.
func (s *Server) randomText(n int) (string, error) {
	var b [18]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b[:])[:n], nil
}
