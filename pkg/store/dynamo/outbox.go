package dynamo

import (
	"context"

	"github.com/dozeio/doze/pkg/engine"
)

// mostInline is how many bytes of an outbox lie in the session's row itself, which every write of the row pays for: as
// much as keeps the row of a chat within few units. What is beyond lies in rows of its own:
//
//	q  [many ... many  parcel or large ...]    the tail, from the last "many" on, weighs mostInline at most,
//	                                           twice that while many append at once
//
//	large  a reference to one parcel: one that weighs more than mostInline by itself, or that others raced
//	many   a reference to what was the tail before it was full, and the parcel for which it was
const mostInline = 2 << 10

// remembered is how many operations a row keeps when its tail goes to a row of its own: twice what the contract asks
// for after an outbox was taken.
const remembered = 2 * engine.MaxRecent

// weigh returns what a value adds to a session's row as one of the tail: itself, its operation in recent, and what
// DynamoDB counts for the two.
func weigh(v value, op string) int64 { return int64(len(encoded(v)) + len(op) + 8) }

// tail returns the values of an outbox that no reference stands for yet, and how many are before them.
func tail(outbox []value) (before int, rest []value, err error) {
	for i, v := range outbox {
		r, ok, err := referenceOf(v)
		if err != nil {
			return 0, nil, err
		}
		if ok && r.many() {
			before = i + 1
		}
	}
	return before, outbox[before:], nil
}

// appender is an Append in the making.
type appender struct {
	*Store
	address engine.Address
	t       engine.Append
	v       value // the parcel, or a reference to it
	limit   int64 // of the tail's weight
	lost    bool  // others have changed the row while the tail was written to one of its own
}

// append is Update for an Append: into the row where there is room, else the tail first goes to a row of its own. A
// process that dies before the reference is written leaves a row that nobody looks for, until it expires.
func (s *Store) append(ctx context.Context, a engine.Address, t engine.Append) (engine.Session, bool, error) {
	p := &appender{Store: s, address: a, t: t, v: parcelValue(t.Parcel), limit: mostInline}
	if p.weight() > p.limit {
		row, err := s.get(ctx, sessionKey(a), true)
		if err != nil {
			return engine.Session{}, false, err
		}
		r, outcome, err := s.appending(a, row, t)
		if err != nil || outcome != engine.Applied {
			return visible(r), err == nil && outcome == engine.Already, err
		}
		if err := p.refer(ctx, r); err != nil {
			return engine.Session{}, false, err
		}
	}
	c := &change{}
	c.appendInline(t, p.v, p.limit)
	for range updateTries {
		row, err := s.write(ctx, a, c)
		failed := refused(err)
		switch {
		case err == nil:
			r, err := s.session(a, row)
			return visible(r), err == nil, err
		case failed == nil:
			return engine.Session{}, false, err
		}
		if row, err = s.rowOf(ctx, a, failed); err != nil {
			return engine.Session{}, false, err
		}
		r, outcome, err := s.appending(a, row, t)
		if err != nil || outcome != engine.Applied {
			return visible(r), err == nil && outcome == engine.Already, err
		}
		if c, err = p.next(ctx, r, row); err != nil {
			return engine.Session{}, false, err
		}
	}
	return engine.Session{}, false, changing("UpdateItem")
}

func (p *appender) weight() int64 { return weigh(p.v, p.t.Parcel.Op) }

// refer writes the parcel to a row of its own, unless it has one.
func (p *appender) refer(ctx context.Context, r engine.Session) (err error) {
	if _, ok, err := referenceOf(p.v); ok || err != nil {
		return err
	}
	p.v, err = p.spill(ctx, p.address, r.Expires, []value{p.v})
	return err
}

// next is what to try on a row that has refused, though it takes the parcel. Many who find the tail full at once would
// race each other, and one wins: the others refer to rows of their own, for which the tail may be twice as long.
func (p *appender) next(ctx context.Context, r engine.Session, row item) (*change, error) {
	c := &change{}
	there := numberOf(row[attrInline])
	if there+p.weight() > p.limit && p.lost && p.limit == mostInline {
		p.limit = 2 * mostInline
		if err := p.refer(ctx, r); err != nil {
			return nil, err
		}
	}
	if there+p.weight() <= p.limit {
		c.appendInline(p.t, p.v, p.limit)
		return c, nil
	}
	outbox := listOf(row[attrOutbox])
	before, rest, err := tail(outbox)
	if err != nil {
		return nil, err
	}
	many, err := p.spill(ctx, p.address, r.Expires, append(rest[:len(rest):len(rest)], p.v))
	if err != nil {
		return nil, err
	}
	p.lost = true // unless it is written
	c.appendMany(p.t, row, append(outbox[:before:before], many))
	return c, nil
}

// appending returns a row as a session, and what an Append of it comes to, but for the room in the tail.
func (s *Store) appending(a engine.Address, row item, t engine.Append) (engine.Session, engine.Outcome, error) {
	r, err := s.session(a, row)
	if err != nil {
		return r, engine.Refused, err
	}
	next := r.Clone()
	outcome := t.Apply(&next)
	if outcome == engine.Applied && len(r.Recent) >= maxRecents {
		outcome = engine.Refused
	}
	return r, outcome, nil
}

// admits is what every Append requires of a row, and what it counts.
func (c *change) admits(t engine.Append) {
	n := int64(t.Parcel.Size())
	c.state(engine.Open, engine.Probing, engine.Draining)
	c.when("attribute_not_exists(" + attrSealed + ")")
	c.when("attribute_not_exists("+attrSize+") OR "+attrSize+" <= %s", numberValue(engine.MaxOutbox-n))
	if n > engine.MaxOutbox {
		c.when("attribute_not_exists(" + partitionKey + ")") // never
	}
	c.when("attribute_not_exists("+attrRecent+") OR size("+attrRecent+") < %s", numberValue(maxRecents))
	c.when("NOT contains("+attrRecent+", %s)", stringValue(t.Parcel.Op))
	c.add(attrOutboxSize, n)
	c.add(attrSize, n)
}

// add adds to a number, which is 0 where it is not there.
func (c *change) add(name string, n int64) {
	c.sets = append(c.sets, name+" = if_not_exists("+name+", "+c.value(numberValue(0))+") + "+c.value(numberValue(n)))
}

// appendInline adds a value, a parcel or a reference to one, to the tail if there is room.
func (c *change) appendInline(t engine.Append, v value, limit int64) {
	c.admits(t)
	weight := weigh(v, t.Parcel.Op)
	c.when("attribute_not_exists("+attrInline+") OR "+attrInline+" <= %s", numberValue(limit-weight))
	c.add(attrInline, weight)
	none := c.value(listValue())
	c.sets = append(c.sets,
		attrOutbox+" = list_append(if_not_exists("+attrOutbox+", "+none+"), "+c.value(listValue(v))+")",
		attrRecent+" = list_append("+c.value(textsValue(t.Parcel.Op))+", if_not_exists("+attrRecent+", "+none+"))")
}

// appendMany replaces the outbox of a row by one whose tail lies in a row of its own, if nobody has changed the outbox
// since: no parcel enters an outbox without being the latest operation, and who takes it leaves none.
func (c *change) appendMany(t engine.Append, row item, outbox []value) {
	c.admits(t)
	if n := len(listOf(row[attrOutbox])); n > 0 {
		c.when("size("+attrOutbox+") = %s", numberValue(int64(n)))
	} else {
		c.when("attribute_not_exists(" + attrOutbox + ")")
	}
	recent := listOf(row[attrRecent])
	if len(recent) > 0 {
		c.when(attrRecent+"[0] = %s", recent[0])
	} else {
		c.when("attribute_not_exists(" + attrRecent + "[0])")
	}
	c.set(attrOutbox, listValue(outbox...))
	c.set(attrRecent, listValue(append([]value{stringValue(t.Parcel.Op)}, recent[:min(len(recent), remembered)]...)...))
	c.remove(attrInline)
}
