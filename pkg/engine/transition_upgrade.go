package engine

import (
	"maps"
	"time"
)

// Probe accepts a connection for an upgrade of a polling session that has none.
type Probe struct {
	Connection string
	Now        time.Time
}

// Apply implements Transition.
func (t Probe) Apply(s *Session) Outcome {
	if s.State == Probing && s.Connection == t.Connection {
		return Already
	}
	if s.State != Open {
		return Refused
	}
	s.State, s.Connection, s.ProbedAt = Probing, t.Connection, t.Now
	return Applied
}

// Unprobe ends an upgrade that was not confirmed: the session polls on.
type Unprobe struct{ Connection string }

// Apply implements Transition.
func (t Unprobe) Apply(s *Session) Outcome {
	if s.State == Open && s.Connection == "" {
		return Already
	}
	if s.State != Probing || s.Connection != t.Connection {
		return Refused
	}
	s.State, s.Connection = Open, ""
	return Applied
}

// Drain confirms an upgrade, and takes the outbox until there is nothing in it. The first step goes from probing to
// draining; each further one stays there, with what has come meanwhile in Taken. The step that finds the outbox empty
// goes to moved, the first one too. Each step follows the one before it, so that only the operation that began can go
// on, and so that a write that comes late takes nothing.
type Drain struct {
	Connection string
	Step       string    // id of this step
	After      string    // id of the step before, empty for the first
	Seal       bool      // let the outbox take nothing more after this step
	Now        time.Time // when this step began
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
	case s.State == Probing && t.After == "":
		s.State = Draining
	case s.State == Draining && t.After != "" && s.Taken.By == t.After:
		s.Sealed = s.Sealed || t.Seal
	default:
		return Refused
	}
	s.ProbedAt = t.Now
	if len(s.Outbox) == 0 {
		s.State, s.Expires, s.HandshakeKey = Moved, t.Expires, nil // the connection has the key
	}
	s.take(t.Step)
	return Applied
}

// Settle makes a probing connection the session's, with the entries and pending messages of the polling row.
type Settle struct {
	Entries map[string][]byte
	Changes map[string][]string
	Pending [][]byte
	Kept    string
	Expires time.Time // of the row from now on
}

// Apply implements Transition.
func (t Settle) Apply(s *Session) Outcome {
	if s.State == Open {
		return Already
	}
	if s.State != Probing {
		return Refused
	}
	s.State, s.Expires = Open, t.Expires
	s.Entries, s.Changes = maps.Clone(t.Entries), maps.Clone(t.Changes)
	s.Pending, s.Kept = t.Pending, t.Kept
	return Applied
}
