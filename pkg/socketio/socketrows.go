package socketio

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// SocketRow is what a session's row says of one of its sockets, for who looks at a deployment from outside.
type SocketRow struct {
	Namespace string
	ID        string
	Data      json.RawMessage // nil for none
	Left      time.Time       // zero: the socket is connected
	Reason    Reason          // of one that has left
}

// SocketRows returns the sockets of a session, by the names of their namespaces. A session has one in each that its
// client has joined: the one that is connected, or the last that has left.
func SocketRows(s engine.Session) (rows []SocketRow) {
	for _, name := range slices.Sorted(maps.Keys(s.Entries)) {
		e := entry(s.Entries[name])
		if e.id() == "" {
			continue
		}
		r := SocketRow{Namespace: name, ID: e.id()}
		if data := e.data(); len(data) > 0 {
			r.Data = data
		}
		if !e.connected() {
			r.Left, r.Reason = e.leaving()
		}
		rows = append(rows, r)
	}
	return rows
}
