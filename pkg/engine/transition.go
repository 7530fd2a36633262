package engine

import (
	"bytes"
	"slices"
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

// Announce gives one operation the right to post a connection's open packet, which another had before.
type Announce struct{ Op, Before string }

// Apply implements Transition.
func (t Announce) Apply(s *Session) Outcome {
	if s.Opened == t.Op {
		return Already
	}
	if s.State != Open || s.Greeted || s.Opened != t.Before {
		return Refused
	}
	s.Opened = t.Op
	return Applied
}

// Greet notes that a connection's open packet has been posted.
type Greet struct{}

// Apply implements Transition.
func (t Greet) Apply(s *Session) Outcome {
	switch {
	case s.Greeted:
		return Already
	case s.State != Open:
		return Refused
	}
	s.Greeted = true
	return Applied
}

// Doubt notes when a sweep has missed a connection's pong, which is closed later unless there is a sign of life:
// whoever handles its next frame sees the note and takes it back, with the zero time. An earlier doubt that is not before
// Since stands, if that is not zero: it is judged by its own time, which must not begin anew with each sweep.
type Doubt struct{ At, Since time.Time }

// Apply implements Transition.
func (t Doubt) Apply(s *Session) Outcome {
	switch {
	case s.State != Open:
		return Refused
	case s.Doubted.Equal(t.At):
		return Already
	case !t.Since.IsZero() && !s.Doubted.Before(t.Since):
		return Refused
	}
	s.Doubted = t.At
	return Applied
}

// Count adds messages of a connection that one process has handled. The count begins anew when it is older than Over. A
// retry recognises itself unless another process has counted meanwhile; then they count twice.
type Count struct {
	Op       string
	Messages int
	Now      time.Time
	Over     time.Duration
}

// Apply implements Transition.
func (t Count) Apply(s *Session) Outcome {
	switch {
	case s.CountedBy == t.Op:
		return Already
	case s.State != Open && s.State != Probing, s.polling():
		return Refused
	}
	if !s.CountedSince.Add(t.Over).After(t.Now) {
		s.Counted, s.CountedSince = 0, t.Now
	}
	s.Counted += t.Messages
	s.CountedBy = t.Op
	return Applied
}

// SetEntry replaces the handler's entry of a key if it still is Old and all entries together are at most MaxEntries
// then. Nil stands for no entry, before and after.
type SetEntry struct {
	Key      string
	Old, New []byte
	Ops      []string  // this operation, then Session.Changes of the key as it was read together with Old
	Expires  time.Time // of the row from now on; zero: as it was
}

// Apply implements Transition. A draining session refuses: its entries are about to move.
func (t SetEntry) Apply(s *Session) Outcome {
	now, ok := s.Entries[t.Key]
	switch {
	case slices.Contains(s.Changes[t.Key], t.Ops[0]):
		return Already
	case s.State != Open && (s.State != Probing || !s.polling()), ok != (t.Old != nil), !bytes.Equal(now, t.Old), t.full(s):
		return Refused
	}
	if s.Entries == nil {
		s.Entries = map[string][]byte{}
	}
	if s.Changes == nil {
		s.Changes = map[string][]string{}
	}
	if t.New == nil {
		delete(s.Entries, t.Key)
	} else {
		s.Entries[t.Key] = t.New
	}
	s.Changes[t.Key] = t.Ops[:min(len(t.Ops), MaxRecent)]
	if !t.Expires.IsZero() {
		s.Expires = t.Expires
	}
	return Applied
}

// Keep replaces the pending messages of an unfinished binary packet, if nobody has since they were read and they
// fit.
type Keep struct {
	Op      string
	Before  string // Session.Kept as it was read
	Pending [][]byte
}

// Apply implements Transition.
func (t Keep) Apply(s *Session) Outcome {
	if s.Kept == t.Op {
		return Already
	}
	if !s.live() || s.Kept != t.Before || !t.Fits(s.Address) {
		return Refused
	}
	s.Pending, s.Kept = t.Pending, t.Op
	return Applied
}

// Close ends a session. Exactly one operation wins; the others are refused and see its ClosedBy and Reason. On an
// absent row it leaves a tombstone, so that a session whose $connect is still writing cannot open any more. A session
// that has moved is refused: its connection is the one to close. So is a connection that probes, unless Probe is set:
// the session that it probes for goes first. The handshake cannot be read any more.
type Close struct {
	Op      string
	Reason  Reason
	Told    bool      // the client needs no further answer
	Probe   bool      // also a connection that probes
	Empty   bool      // only if the handler has no entry
	Before  time.Time // not zero: only if the last pong of a polling session is older
	At      time.Time // when it is
	Expires time.Time // of the tombstone
}

// Apply implements Transition.
func (t Close) Apply(s *Session) Outcome {
	if s.State == Closed && s.ClosedBy == t.Op {
		return Already
	}
	switch {
	case s.State == Closed, s.State == Moved,
		s.State == Probing && !s.polling() && !t.Probe,
		t.Empty && len(s.Entries) > 0,
		!t.Before.IsZero() && !s.Ponged.Before(t.Before):
		return Refused
	}
	s.State, s.Reason, s.ClosedBy, s.ClosedAt, s.Told, s.Expires = Closed, t.Reason, t.Op, t.At, t.Told, t.Expires
	s.Pending, s.HandshakeKey = nil, nil
	if t.Told {
		s.Outbox, s.Taken = nil, Taken{}
	}
	return Applied
}

// Finish gives one operation the right to clean up after a closed session, which another had before: at first the one
// that closed it.
type Finish struct {
	Op, Before string
	At         time.Time // when it begins
	Expires    time.Time // of the tombstone from now on
}

// Apply implements Transition.
func (t Finish) Apply(s *Session) Outcome {
	switch {
	case s.State != Closed:
		return Refused
	case s.ClosedBy == t.Op:
		return Already
	case s.ClosedBy != t.Before:
		return Refused
	}
	s.ClosedBy, s.ClosedAt, s.Expires = t.Op, t.At, t.Expires
	return Applied
}
