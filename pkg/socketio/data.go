package socketio

import (
	"bytes"
	"context"
	"fmt"
	"reflect"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/protocol"
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
	return protocol.DecodeJSON(data, into)
}

// Data returns the socket's data, as this invocation has last seen it, decoded from JSON: the zero T when there is
// none. An error says that the data is no T.
func Data[T any](s *Socket) (T, error) {
	var v T
	err := s.Data(&v)
	if err != nil {
		var zero T
		return zero, fmt.Errorf("socketio: the data of the socket is no %s: %w", typeName(reflect.TypeFor[T]()), err)
	}
	return v, nil
}

// UpdateData changes what a socket keeps between invocations, which is stored as JSON. It gives change the present
// data, the zero T when there is none, and writes what change makes of it. When another invocation has written
// meanwhile it calls change again, with that data: change has no other effects. An error of change is returned and
// nothing is written. It blocks for the write.
func UpdateData[T any](ctx context.Context, s *Socket, change func(*T) error) error {
	for range updateTries {
		s.mu.Lock()
		old, data := s.entry, s.data
		s.mu.Unlock()
		var v T
		if len(data) > 0 {
			if err := protocol.DecodeJSON(data, &v); err != nil {
				return fmt.Errorf("socketio: the data of the socket is no %s: %w", typeName(reflect.TypeFor[T]()), err)
			}
		}
		if err := change(&v); err != nil {
			return err
		}
		next, err := protocol.EncodeJSON(v)
		if err != nil {
			return err
		}
		if len(next) > maxData {
			return fmt.Errorf("socketio: a socket's data is at most %d bytes of JSON, this is %d: keep it in a database and its key here", maxData, len(next))
		}
		if written, err := s.setData(ctx, old, data, next); written || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return fmt.Errorf("socketio: the data of the socket changed %d times while it was to be changed: does the function call UpdateData itself?", updateTries)
}

// updateTries is how often UpdateData lets others go first.
const updateTries = 1000

// setData writes the socket's data if its entry and data are still as they were, and else reads what there is now.
func (s *Socket) setData(ctx context.Context, old entry, oldData, data []byte) (written bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return false, err
	}
	switch {
	case !bytes.Equal(s.entry, old) || !bytes.Equal(s.data, oldData): // another goroutine of this invocation
		return false, nil
	case s.joining:
		s.data = data
		return true, nil
	}
	next, err := s.namespace.server.newEntry(s.id, data)
	if err != nil {
		return false, err
	}
	if err := s.spend(ctx, entriesCost(s.turn.v.Entries())); err != nil {
		return false, err
	}
	ok, err := s.turn.v.SetEntry(ctx, s.namespace.name, old, next)
	if err != nil {
		return false, err
	}
	if ok {
		s.entry, s.data = next, data
		s.namespace.happened(ctx, instrument.Updated, s.id, func(h *instrument.Happening) { h.Data = data })
		return true, nil
	}
	if s.reload(); !s.entry.connected() {
		return false, ErrGone
	}
	return false, nil
}
