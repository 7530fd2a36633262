package socketio

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// maxData is the size in bytes of a socket's data as JSON. The data of all namespaces of a client share one row.
const maxData = 16 << 10

// Data decodes the socket's data, as this invocation has last seen it, from JSON. Without data it does nothing.
func (s *Socket) Data(into any) error {
	s.mu.Lock()
	data := s.data
	s.mu.Unlock()
	if len(data) == 0 {
		return nil
	}
	return json.Unmarshal(data, into)
}

// UpdateData changes what a socket keeps between invocations, which is stored as JSON. It gives change the present
// data, the zero T when there is none, and writes what change makes of it. When another invocation has written
// meanwhile it calls change again, with that data: change has no other effects. An error of change is returned and
// nothing is written. It blocks for the write.
func UpdateData[T any](ctx context.Context, s *Socket, change func(*T) error) error {
	for {
		s.mu.Lock()
		old, data := s.entry, s.data
		s.mu.Unlock()
		var v T
		if len(data) > 0 {
			if err := json.Unmarshal(data, &v); err != nil {
				return fmt.Errorf("socketio: the data of the socket is no %T: %w", v, err)
			}
		}
		if err := change(&v); err != nil {
			return err
		}
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if len(data) > maxData {
			return fmt.Errorf("socketio: a socket's data is at most %d bytes of JSON, this is %d: keep it in a database and its key here", maxData, len(data))
		}
		if written, err := s.setData(ctx, old, data); written || err != nil {
			return err
		}
	}
}

// setData writes the socket's data if its entry is still old, and else reads what there is now.
func (s *Socket) setData(ctx context.Context, old entry, data []byte) (written bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !bytes.Equal(s.entry, old): // another goroutine of this invocation
		return false, nil
	case s.joining:
		s.data = data
		return true, nil
	case s.v == nil || !s.entry.connected():
		return false, ErrGone
	}
	next, err := s.namespace.server.newEntry(connected, s.id, data)
	if err != nil {
		return false, err
	}
	ok, err := s.v.SetEntry(ctx, s.namespace.name, old, next)
	if err != nil {
		return false, gone(err)
	}
	if ok {
		s.entry, s.data = next, data
		return true, nil
	}
	if s.reload(); !s.entry.connected() {
		return false, ErrGone
	}
	return false, nil
}

// reload takes over the socket's entry as it was last read. s.mu is held.
func (s *Socket) reload() {
	e := entry(s.v.Entries()[s.namespace.name])
	if e.id() != s.id {
		s.entry, s.data = nil, nil
		return
	}
	s.entry, s.data = e, e.data()
}
