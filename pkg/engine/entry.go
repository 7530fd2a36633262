package engine

import "context"

// Entry returns what the session at an address, wherever it has moved to, keeps under a key: nil when the session is
// closed or keeps nothing there. It is one read of the store, or two for a session that has moved. With strong false
// the entry may be some time old, at half the price. Nobody may change what it returns.
func (e *Engine) Entry(ctx context.Context, a Address, key string, strong bool) ([]byte, error) {
	s, err := e.store.Get(ctx, a, strong)
	if moved := s; err == nil && s.State == Moved {
		s, err = e.store.Get(ctx, connectionAddress(s.Connection), strong)
		if err == nil && (s.State == Probing || s.State == Absent) { // it is about to be opened with what the other row has
			return moved.Entries[key], nil
		}
	}
	if err != nil || !s.live() {
		return nil, err
	}
	return s.Entries[key], nil
}
