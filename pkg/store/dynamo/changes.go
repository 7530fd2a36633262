package dynamo

import (
	"github.com/dozeio/doze/pkg/engine"
)

// count adds to the messages of the present time, unless that was seen to be over.
func (c *change) count(t engine.Count, seen *engine.Session) {
	c.state(engine.Open, engine.Probing)
	c.isNot(attrCountedBy, idValue(t.Op))
	c.set(attrCountedBy, idValue(t.Op))
	n, since := numberValue(int64(t.Messages)), timeValue(t.Now.Add(-t.Over))
	if seen == nil || seen.CountedSince.Add(t.Over).After(t.Now) {
		c.when(attrCountedSince+" > %s", since)
		c.sets = append(c.sets, attrCounted+" = "+attrCounted+" + "+c.value(n))
		return
	}
	c.when("attribute_not_exists("+attrCountedSince+") OR "+attrCountedSince+" <= %s", since)
	c.set(attrCounted, n)
	c.set(attrCountedSince, timeValue(t.Now))
}

// emptied makes a change that is for a row with nothing in its outbox, unless the row was seen with something.
func (c *change) emptied(seen *engine.Session, set func()) {
	if seen != nil && len(seen.Outbox) > 0 {
		c.when("attribute_exists(" + attrOutbox + ")")
		return
	}
	c.when("attribute_not_exists(" + attrOutbox + ")")
	set()
}

func (c *change) endPoll(t engine.EndPoll, seen *engine.Session) {
	c.when(attrLease+" = %s", idValue(t.ID))
	c.remove(attrLease, attrLeaseUntil)
	if !t.Pinged.IsZero() {
		c.set(attrPinged, timeValue(t.Pinged))
	}
	switch {
	case seen != nil && (seen.State == engine.Draining || seen.State == engine.Moved):
		c.state(engine.Draining, engine.Moved)
	case seen != nil && seen.State == engine.Closed:
		c.state(engine.Closed)
		c.take(t.ID)
		c.emptied(seen, func() { c.set(attrTold, boolValue(true)) })
	default:
		c.state(engine.Open, engine.Probing)
		c.take(t.ID)
	}
}

func (c *change) setEntry(t engine.SetEntry, a engine.Address) {
	if polling(a) {
		c.state(engine.Open, engine.Probing)
	} else {
		c.state(engine.Open)
	}
	entry, changes := c.inside(attrEntries, t.Key), c.inside(attrChanges, t.Key)
	if t.Old == nil {
		c.when("attribute_not_exists(" + entry + ")")
		c.when("NOT contains("+changes+", %s)", idValue(t.Ops[0])) // else it was made, and has been removed since
	} else {
		c.when(entry+" = %s", bytesValue(t.Old))
	}
	c.setOr(entry, t.New != nil, bytesValue(t.New))
	grows, most := t.Room()
	if grows > 0 {
		c.when("attribute_not_exists("+attrRoom+") OR "+attrRoom+" <= %s", numberValue(int64(most)))
		if most < 0 {
			c.when("attribute_not_exists(" + partitionKey + ")") // never
		}
	}
	c.sets = append(c.sets, attrRoom+" = if_not_exists("+attrRoom+", "+c.value(numberValue(0))+") + "+c.value(numberValue(int64(grows))))
	c.set(changes, idsValue(t.Ops[:min(len(t.Ops), engine.MaxRecent)]))
	if !t.Expires.IsZero() {
		c.expires(t.Expires)
	}
}

// close leaves a tombstone where there is no row at all; see Store.Update for a row that has expired.
func (c *change) close(t engine.Close, a engine.Address) {
	open := []engine.State{engine.Open, engine.Probing, engine.Draining}
	if !t.Probe && !polling(a) {
		open = []engine.State{engine.Open, engine.Draining}
	}
	c.state(open...)
	if t.Empty {
		c.when("size("+attrEntries+") = %s", numberValue(0))
	}
	if !t.Before.IsZero() {
		c.when("attribute_not_exists("+attrPonged+") OR "+attrPonged+" < %s", timeValue(t.Before))
	}
	c.set(attrState, stateValue(engine.Closed))
	c.setOr(attrReason, t.Reason != "", stringValue(string(t.Reason)))
	c.setOr(attrClosedBy, t.Op != "", idValue(t.Op))
	c.setOr(attrClosedAt, !t.At.IsZero(), timeValue(t.At))
	c.setOr(attrTold, t.Told, boolValue(true))
	c.expires(t.Expires)
	c.remove(attrPending, attrKey)
	if t.Told {
		c.remove(attrOutbox, attrOutboxSize, attrInline, attrTaken, attrTakenBy, attrSize)
	}
}
