package engine

import (
	"slices"
	"time"
)

// Append puts a parcel into the outbox of a live polling session that is not sealed, up to MaxOutbox.
type Append struct{ Parcel Parcel }

// Apply implements Transition.
func (t Append) Apply(s *Session) Outcome {
	if slices.Contains(s.Recent, t.Parcel.Op) {
		return Already
	}
	if !s.live() || s.Sealed || size(s.Outbox)+size(s.Taken.Parcels)+t.Parcel.Size() > MaxOutbox {
		return Refused
	}
	s.Outbox = append(s.Outbox, t.Parcel)
	s.Recent = append([]string{t.Parcel.Op}, s.Recent...)
	return Applied
}

// take moves the outbox to Taken.
func (s *Session) take(by string) {
	s.Taken, s.Outbox = Taken{By: by, Parcels: s.Outbox}, nil
	s.Recent = s.Recent[:min(len(s.Recent), MaxRecent)]
}

// BeginPoll takes the lease of a polling session for a GET, unless another GET holds it. The packets of the GET before
// are dropped: who asks again has got them.
type BeginPoll struct {
	Lease Lease
	Now   time.Time
}

// Apply implements Transition.
func (t BeginPoll) Apply(s *Session) Outcome {
	switch {
	case s.Poll.ID == t.Lease.ID:
		return Already
	case s.Taken.By == t.Lease.ID: // the GET has ended: this write has come late
		return Refused
	case s.State != Open && s.State != Probing, s.Poll.ID != "" && s.Poll.Until.After(t.Now):
		return Refused
	}
	s.Poll = t.Lease
	s.Taken.Parcels = nil
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
		s.take(t.ID)
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
	s.take(t.ID)
	return Applied
}

// Pong notes the time of a polling session's pong, unless a later one has been noted.
type Pong struct{ At time.Time }

// Apply implements Transition.
func (t Pong) Apply(s *Session) Outcome {
	if !s.live() {
		return Refused
	}
	if !t.At.After(s.Ponged) {
		return Already
	}
	s.Ponged = t.At
	return Applied
}
