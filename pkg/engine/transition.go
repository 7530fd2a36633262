package engine

import (
	"bytes"
	"time"
)

// Transition is one conditional change of one session row. Apply is its definition: a store runs it on the row under
// a lock, or writes the same condition and the same change in its database's language.
//
// Apply changes the row and returns Applied when the condition holds; it returns Already, and changes nothing, when
// an earlier attempt of the same operation has been written; else Refused. The row of an absent session is the zero
// Session with its Address.
type Transition interface {
	Apply(s *Session) Outcome
}

// Outcome is the result of a transition.
type Outcome int

// The outcomes of Transition.Apply.
const (
	Refused Outcome = iota
	Applied
	Already
)

// MaxOutbox is the number of bytes that may wait in an outbox; an Append beyond it is refused.
const MaxOutbox = 256 << 10

// Append puts a parcel into the outbox of a live polling session.
type Append struct{ Parcel Parcel }

// Apply implements Transition.
func (t Append) Apply(s *Session) Outcome {
	for _, p := range append(s.Taken.Parcels[:len(s.Taken.Parcels):len(s.Taken.Parcels)], s.Outbox...) {
		if p.Op == t.Parcel.Op {
			return Already
		}
	}
	if !s.live() || outboxSize(s.Outbox)+outboxSize([]Parcel{t.Parcel}) > MaxOutbox {
		return Refused
	}
	s.Outbox = append(s.Outbox, t.Parcel)
	return Applied
}

func outboxSize(parcels []Parcel) (n int) {
	for _, p := range parcels {
		for _, packet := range p.Packets {
			n += len(packet) + 1
		}
	}
	return n
}

// BeginPoll takes the lease of a polling session for a GET, unless another GET holds it.
type BeginPoll struct {
	Lease Lease
	Now   time.Time
}

// Apply implements Transition.
func (t BeginPoll) Apply(s *Session) Outcome {
	if s.Poll.ID == t.Lease.ID {
		return Already
	}
	if s.State != Open && s.State != Probing || s.Poll.ID != "" && s.Poll.Until.After(t.Now) {
		return Refused
	}
	s.Poll = t.Lease
	return Applied
}

// EndPoll gives the lease back and takes the outbox, which is then found in Taken. From a session that drains or has
// moved it takes nothing; a closed one is marked as told when nothing was left.
type EndPoll struct {
	ID     string
	Pinged time.Time // not zero: the answer is a ping, sent at this time
}

// Apply implements Transition.
func (t EndPoll) Apply(s *Session) Outcome {
	if s.Taken.By == t.ID {
		return Already
	}
	if s.Poll.ID != t.ID {
		return Refused
	}
	s.Poll = Lease{}
	switch s.State {
	case Open, Probing, Closed:
		s.Told = s.Told || s.State == Closed && len(s.Outbox) == 0
		s.Taken = Taken{By: t.ID, Parcels: s.Outbox}
		s.Outbox = nil
	}
	if !t.Pinged.IsZero() {
		s.Pinged = t.Pinged
	}
	return Applied
}

// Tell takes what is left in the outbox of a closed session that is not told yet, and marks it as told when there is
// nothing.
type Tell struct{ ID string }

// Apply implements Transition.
func (t Tell) Apply(s *Session) Outcome {
	if s.Taken.By == t.ID {
		return Already
	}
	if s.State != Closed || s.Told {
		return Refused
	}
	s.Told = len(s.Outbox) == 0
	s.Taken = Taken{By: t.ID, Parcels: s.Outbox}
	s.Outbox = nil
	return Applied
}

// Pong notes the time of a polling session's pong.
type Pong struct{ At time.Time }

// Apply implements Transition.
func (t Pong) Apply(s *Session) Outcome {
	if !s.live() {
		return Refused
	}
	s.Ponged = t.At
	return Applied
}

// Probe accepts a connection for an upgrade, in place of an earlier one only when that began at or before Stale.
type Probe struct {
	Connection string
	Now, Stale time.Time
}

// Apply implements Transition.
func (t Probe) Apply(s *Session) Outcome {
	if s.State == Probing && s.Connection == t.Connection {
		return Already
	}
	if s.State != Open && (s.State != Probing || s.ProbedAt.After(t.Stale)) {
		return Refused
	}
	s.State, s.Connection, s.ProbedAt = Probing, t.Connection, t.Now
	return Applied
}

// Unprobe ends an upgrade that was not confirmed: the session polls on.
type Unprobe struct{ Connection string }

// Apply implements Transition.
func (t Unprobe) Apply(s *Session) Outcome {
	if s.State != Probing || s.Connection != t.Connection {
		return Refused
	}
	s.State, s.Connection = Open, ""
	return Applied
}

// Drain confirms an upgrade, and then takes the outbox until there is nothing in it: the first step goes from probing
// to draining, each further one stays there with what has come meanwhile in Taken, and the one that finds the outbox
// empty goes to moved. Only the operation that began may go on.
type Drain struct {
	Connection string
	Drainer    string    // the operation as a whole
	Step       string    // this step of it
	Expires    time.Time // of the tombstone that a moved session is
}

// Apply implements Transition.
func (t Drain) Apply(s *Session) Outcome {
	if s.Taken.By == t.Step {
		return Already
	}
	switch {
	case s.Connection != t.Connection:
		return Refused
	case s.State == Probing:
		s.State, s.Drainer = Draining, t.Drainer
	case s.State == Draining && s.Drainer == t.Drainer:
		if len(s.Outbox) == 0 {
			s.State, s.Expires = Moved, t.Expires
		}
	default:
		return Refused
	}
	s.Taken = Taken{By: t.Step, Parcels: s.Outbox}
	s.Outbox = nil
	return Applied
}

// Settle makes a probing connection the session's, with the entries and pending messages of the polling row.
type Settle struct {
	Entries map[string][]byte
	Pending [][]byte
}

// Apply implements Transition.
func (t Settle) Apply(s *Session) Outcome {
	if s.State == Open {
		return Already
	}
	if s.State != Probing {
		return Refused
	}
	s.State, s.Entries, s.Pending = Open, t.Entries, t.Pending
	return Applied
}

// Announce gives one operation the right to post a connection's open packet.
type Announce struct{ Op string }

// Apply implements Transition.
func (t Announce) Apply(s *Session) Outcome {
	if s.Opened == t.Op {
		return Already
	}
	if s.State != Open || s.Opened != "" {
		return Refused
	}
	s.Opened = t.Op
	return Applied
}

// SetEntry replaces the handler's entry of a key if it still is Old. Nil stands for no entry, before and after.
type SetEntry struct {
	Key      string
	Old, New []byte
}

// Apply implements Transition. A draining session refuses: its entries are about to move.
func (t SetEntry) Apply(s *Session) Outcome {
	if s.State != Open && (s.State != Probing || !s.polling()) {
		return Refused
	}
	now, ok := s.Entries[t.Key]
	switch {
	case ok == (t.New != nil) && bytes.Equal(now, t.New):
		return Already
	case ok != (t.Old != nil) || !bytes.Equal(now, t.Old):
		return Refused
	case t.New == nil:
		delete(s.Entries, t.Key)
	default:
		if s.Entries == nil {
			s.Entries = map[string][]byte{}
		}
		s.Entries[t.Key] = t.New
	}
	return Applied
}

// Keep replaces the pending messages of an unfinished binary packet.
type Keep struct{ Pending [][]byte }

// Apply implements Transition.
func (t Keep) Apply(s *Session) Outcome {
	if !s.live() {
		return Refused
	}
	s.Pending = t.Pending
	return Applied
}

// Close ends a session. Exactly one operation wins; the others are refused and see its ClosedBy and Reason. On an
// absent row it leaves a tombstone, so that a session whose $connect is still writing cannot open any more. A session
// that has moved is refused: its connection is the one to close.
type Close struct {
	Op      string
	Reason  Reason
	Told    bool      // the client needs no further answer
	Empty   bool      // only if the handler has no entry
	Before  time.Time // not zero: only if the last pong of a polling session is older
	Expires time.Time // of the tombstone
}

// Apply implements Transition.
func (t Close) Apply(s *Session) Outcome {
	if s.State == Closed && s.ClosedBy == t.Op {
		return Already
	}
	if s.State == Closed || s.State == Moved || t.Empty && len(s.Entries) > 0 ||
		!t.Before.IsZero() && !s.Ponged.Before(t.Before) {
		return Refused
	}
	s.State, s.Reason, s.ClosedBy, s.Told, s.Expires = Closed, t.Reason, t.Op, t.Told, t.Expires
	s.Pending = nil
	if t.Told {
		s.Outbox, s.Taken = nil, Taken{}
	}
	return Applied
}
