package dynamo

import (
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// Attributes of a session's row. Those that hold nothing are not there, but for entries, changes and recent, which
// updates change from within.
const (
	attrExpires      = "x"
	attrCreated      = "c"
	attrSID          = "i"
	attrState        = "y"
	attrEntries      = "e" // map by escaped key
	attrChanges      = "g" // map by escaped key, lists of operations
	attrPending      = "d"
	attrKept         = "k"
	attrConnection   = "n"
	attrProbedAt     = "b"
	attrReason       = "r"
	attrClosedBy     = "w"
	attrClosedAt     = "wt"
	attrOpened       = "a"
	attrGreeted      = "gr"
	attrDoubted      = "dq"
	attrCounted      = "cn"
	attrCountedSince = "cs"
	attrCountedBy    = "cb"
	attrLease        = "l"
	attrLeaseUntil   = "u"
	attrOutbox       = "q" // never an empty list
	attrOutboxSize   = "f"
	attrInline       = "fi" // what the outbox's tail weighs, see mostInline
	attrTaken        = "t"
	attrTakenBy      = "v"
	attrSize         = "z" // of outbox and taken together
	attrRecent       = "o"
	attrPonged       = "h"
	attrPinged       = "j"
	attrTold         = "m"
	attrSealed       = "sl"
	attrKey          = "hk"
	attrRoom         = "es" // of entries, as engine.EntriesSize counts
)

// stateValues are the states as the table keeps them.
var stateValues = map[engine.State]string{
	engine.Open: "o", engine.Probing: "p", engine.Draining: "d", engine.Moved: "m", engine.Closed: "c",
}

func stateValue(s engine.State) value { return stringValue(stateValues[s]) }

func stateOf(v value) engine.State {
	letter := stringOf(v)
	for s, l := range stateValues {
		if l == letter {
			return s
		}
	}
	return engine.Absent
}

// sessionItem returns the whole row of a session.
func sessionItem(s engine.Session) item {
	row := sessionKey(s.Address).item()
	put := func(name string, there bool, v value) {
		if there {
			row[name] = v
		}
	}
	at := func(name string, t time.Time) { put(name, !t.IsZero(), timeValue(t)) }
	id := func(name, id string) { put(name, id != "", idValue(id)) }
	row[attrState] = stateValue(s.State)
	expires(row, s.Expires)
	at(attrCreated, s.Created)
	id(attrSID, s.SID)
	row[attrEntries], row[attrChanges] = entriesValue(s.Entries), changesValue(s.Changes)
	put(attrRoom, len(s.Entries) > 0, numberValue(int64(engine.EntriesSize(s.Entries))))
	put(attrPending, len(s.Pending) > 0, packetsValue(s.Pending))
	id(attrKept, s.Kept)
	put(attrConnection, s.Connection != "", stringValue(s.Connection))
	at(attrProbedAt, s.ProbedAt)
	put(attrReason, s.Reason != "", stringValue(string(s.Reason)))
	id(attrClosedBy, s.ClosedBy)
	at(attrClosedAt, s.ClosedAt)
	id(attrOpened, s.Opened)
	put(attrGreeted, s.Greeted, boolValue(true))
	at(attrDoubted, s.Doubted)
	put(attrCounted, s.Counted > 0, numberValue(int64(s.Counted)))
	at(attrCountedSince, s.CountedSince)
	id(attrCountedBy, s.CountedBy)
	id(attrLease, s.Poll.ID)
	at(attrLeaseUntil, s.Poll.Until)
	outbox, taken := size(s.Outbox), size(s.Taken.Parcels)
	put(attrOutbox, len(s.Outbox) > 0, parcelsValue(s.Outbox))
	put(attrOutboxSize, outbox > 0, numberValue(outbox))
	inline := int64(0)
	for _, p := range s.Outbox {
		inline += weigh(parcelValue(p), p.Op)
	}
	put(attrInline, inline > 0, numberValue(inline))
	put(attrTaken, len(s.Taken.Parcels) > 0, parcelsValue(s.Taken.Parcels))
	id(attrTakenBy, s.Taken.By)
	put(attrSize, outbox+taken > 0, numberValue(outbox+taken))
	row[attrRecent] = textsValue(s.Recent...)
	at(attrPonged, s.Ponged)
	at(attrPinged, s.Pinged)
	put(attrTold, s.Told, boolValue(true))
	put(attrSealed, s.Sealed, boolValue(true))
	put(attrKey, s.HandshakeKey != nil, bytesValue(s.HandshakeKey))
	return row
}

// expires sets when a row expires; with the zero time it never does.
func expires(row item, at time.Time) {
	if !at.IsZero() {
		row[attrExpires], row[timeToLive] = timeValue(at), ttlValue(at)
	} else {
		row[attrExpires] = numberValue(never)
	}
}

// never is later than any time, in milliseconds.
const never = 9999999999999

// expiresOf returns when a row expires, the zero time for never.
func expiresOf(row item) time.Time {
	if numberOf(row[attrExpires]) == never {
		return time.Time{}
	}
	return timeOf(row[attrExpires])
}

// expired reports whether a row is not there, or has expired.
func (s *Store) expired(row item) bool {
	return row[attrExpires] == nil || numberOf(row[attrExpires]) <= s.now().UnixMilli()
}

func entriesValue(entries map[string][]byte) value {
	m := item{}
	for k, v := range entries {
		m[text(k)] = bytesValue(v)
	}
	return mapValue(m)
}

func changesValue(changes map[string][]string) value {
	m := item{}
	for k, v := range changes {
		m[text(k)] = idsValue(v)
	}
	return mapValue(m)
}

// session reads a row; one that is absent or has expired is the zero Session with its Address. Recent holds all that
// the row has, which may be more than is the session's: see visible. Parcels that lie in rows of their own are blank.
func (s *Store) session(a engine.Address, row item) (_ engine.Session, err error) {
	if s.expired(row) {
		return engine.Session{Address: a}, nil
	}
	r := engine.Session{
		Address:      a,
		SID:          idOf(row[attrSID]),
		State:        stateOf(row[attrState]),
		Created:      timeOf(row[attrCreated]),
		Expires:      expiresOf(row),
		Pending:      packetsOf(row[attrPending]),
		Kept:         idOf(row[attrKept]),
		Connection:   stringOf(row[attrConnection]),
		ProbedAt:     timeOf(row[attrProbedAt]),
		Reason:       engine.Reason(stringOf(row[attrReason])),
		ClosedBy:     idOf(row[attrClosedBy]),
		ClosedAt:     timeOf(row[attrClosedAt]),
		Opened:       idOf(row[attrOpened]),
		Greeted:      boolOf(row[attrGreeted]),
		Doubted:      timeOf(row[attrDoubted]),
		Counted:      int(numberOf(row[attrCounted])),
		CountedSince: timeOf(row[attrCountedSince]),
		CountedBy:    idOf(row[attrCountedBy]),
		Poll:         engine.Lease{ID: idOf(row[attrLease]), Until: timeOf(row[attrLeaseUntil])},
		Taken:        engine.Taken{By: idOf(row[attrTakenBy])},
		Recent:       idsOf(row[attrRecent]),
		Ponged:       timeOf(row[attrPonged]),
		Pinged:       timeOf(row[attrPinged]),
		Told:         boolOf(row[attrTold]),
		Sealed:       boolOf(row[attrSealed]),

		HandshakeKey: bytesOf(row[attrKey]),
	}
	for k, v := range mapOf(row[attrEntries]) {
		if r.Entries == nil {
			r.Entries = map[string][]byte{}
		}
		r.Entries[untext(k)] = bytesOf(v)
	}
	for k, v := range mapOf(row[attrChanges]) {
		if r.Changes == nil {
			r.Changes = map[string][]string{}
		}
		r.Changes[untext(k)] = idsOf(v)
	}
	if r.Outbox, err = parcelsOf(row[attrOutbox]); err != nil {
		return r, err
	}
	r.Taken.Parcels, err = parcelsOf(row[attrTaken])
	return r, err
}

// visible cuts Recent to what Apply leaves of it: when an outbox is taken the row is not cut, or not all at once. One
// operation has come with each parcel since, so that the rest is what was there then.
func visible(s engine.Session) engine.Session {
	s.Recent = s.Recent[:min(len(s.Recent), len(s.Outbox)+engine.MaxRecent)]
	return s
}
