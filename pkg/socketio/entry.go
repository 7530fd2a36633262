package socketio

import (
	"encoding/base64"
	"io"
)

// entry is what a session keeps about one namespace, in this form:
//
//	offset  0      1               21         27
//	        state  socket id (20)  version    data (JSON, may be empty)
//
// The version is random and changes with every write, so that an old value never equals a new one.
type entry []byte

const (
	connected = 'c'
	left      = 'l' // the socket has left; what is still on its way to it is dropped

	idLength      = 20
	versionLength = 6
	dataOffset    = 1 + idLength + versionLength
)

func (e entry) connected() bool { return len(e) >= dataOffset && e[0] == connected }
func (e entry) id() string {
	if len(e) < dataOffset {
		return ""
	}
	return string(e[1 : 1+idLength])
}
func (e entry) data() []byte { return e[dataOffset:] }

func (s *Server) newEntry(state byte, id string, data []byte) (entry, error) {
	version, err := s.randomText(versionLength)
	if err != nil {
		return nil, err
	}
	e := make(entry, 0, dataOffset+len(data))
	e = append(e, state)
	e = append(e, id...)
	e = append(e, version...)
	return append(e, data...), nil
}

// randomText returns n random characters of those that need no escaping anywhere; n is at most 24.
func (s *Server) randomText(n int) (string, error) {
	var b [18]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b[:])[:n], nil
}
