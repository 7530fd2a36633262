package dynamo

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// change is one conditional update of one row, in the making.
type change struct {
	conditions, sets, removes []string
	values                    item
	names                     map[string]string
}

// value gives a value a name and returns it.
func (c *change) value(v value) string {
	if c.values == nil {
		c.values = item{}
	}
	name := ":" + strconv.Itoa(len(c.values))
	c.values[name] = v
	return name
}

// inside returns the path of a key in a map.
func (c *change) inside(name, key string) string {
	c.name("#k", text(key))
	return name + ".#k"
}

// name lets a path stand for a name that cannot be written in an expression.
func (c *change) name(path, name string) {
	if c.names == nil {
		c.names = map[string]string{}
	}
	c.names[path] = name
}

func (c *change) when(condition string, values ...value) {
	names := make([]any, len(values))
	for i, v := range values {
		names[i] = c.value(v)
	}
	c.conditions = append(c.conditions, "("+fmt.Sprintf(condition, names...)+")")
}

func (c *change) set(name string, v value) { c.sets = append(c.sets, name+" = "+c.value(v)) }

func (c *change) remove(names ...string) { c.removes = append(c.removes, names...) }

// setOr sets an attribute, or removes it when there is nothing to set.
func (c *change) setOr(name string, there bool, v value) {
	if there {
		c.set(name, v)
	} else {
		c.remove(name)
	}
}

// expires sets when the row expires.
func (c *change) expires(at time.Time) {
	c.name("#ttl", timeToLive)
	row := item{}
	expires(row, at)
	c.set(attrExpires, row[attrExpires])
	c.setOr("#ttl", !at.IsZero(), row[timeToLive])
}

// is requires that an attribute has a text, where "" is an attribute that is not there.
func (c *change) is(name, id string, v value) {
	if id == "" {
		c.when("attribute_not_exists(" + name + ")")
	} else {
		c.when(name+" = %s", v)
	}
}

// isNot requires that an attribute does not have a value.
func (c *change) isNot(name string, v value) {
	c.when("attribute_not_exists("+name+") OR "+name+" <> %s", v)
}

func (c *change) state(states ...engine.State) {
	values := make([]value, len(states))
	for i, s := range states {
		values[i] = stateValue(s)
	}
	c.when(attrState+" IN ("+strings.Repeat(", %s", len(states))[2:]+")", values...)
}

// update returns the expression.
func (c *change) update() string {
	var b strings.Builder
	if len(c.sets) > 0 {
		b.WriteString("SET " + strings.Join(c.sets, ", "))
	}
	if len(c.removes) > 0 {
		b.WriteString(" REMOVE " + strings.Join(c.removes, ", "))
	}
	return strings.TrimSpace(b.String())
}

func (c *change) condition() string { return strings.Join(c.conditions, " AND ") }

// maxRecents is how many operations a row remembers before an outbox takes nothing more: as many as a full outbox has,
// and what is left over when trimming fails.
const maxRecents = 3000

// trimmed is how many operations an outbox that is taken removes from the row's recent ones.
const trimmed = 64

// recentFrom returns the paths of recent operations, as many as trimmed, from one on.
func recentFrom(first int) []string {
	paths := make([]string, trimmed)
	for i := range paths {
		paths[i] = attrRecent + "[" + strconv.Itoa(first+i) + "]"
	}
	return paths
}

var oldest = recentFrom(engine.MaxRecent)

// take moves the outbox to what was taken, as engine's take does.
func (c *change) take(by string) {
	c.isNot(attrTakenBy, idValue(by))
	none := c.value(listValue())
	zero := c.value(numberValue(0))
	c.sets = append(c.sets,
		attrTaken+" = if_not_exists("+attrOutbox+", "+none+")",
		attrSize+" = if_not_exists("+attrOutboxSize+", "+zero+")",
		attrOutboxSize+" = "+zero)
	c.set(attrTakenBy, idValue(by))
	c.remove(attrOutbox, attrInline)
	c.remove(oldest...)
}

// polling reports whether an address is that of a session that polls, by which some transitions differ.
func polling(a engine.Address) bool { return strings.HasPrefix(string(a), "p") }

// changeOf returns a transition as a condition and a change, for a row that is there and has not expired. Where they
// depend on what the row holds, they are those for the row as it was seen last, or, when it was not, for the row as it
// is most of the time; the condition makes sure that it is.
func changeOf(transition engine.Transition, a engine.Address, seen *engine.Session) (*change, error) {
	c := &change{}
	switch t := transition.(type) {
	case engine.Append:
		c.appendInline(t, parcelValue(t.Parcel), mostInline)
	case engine.BeginPoll:
		c.state(engine.Open, engine.Probing)
		c.isNot(attrTakenBy, idValue(t.Lease.ID))
		c.when("attribute_not_exists("+attrLease+") OR "+attrLeaseUntil+" <= %s", timeValue(t.Now))
		c.set(attrLease, idValue(t.Lease.ID))
		c.set(attrLeaseUntil, timeValue(t.Lease.Until))
		c.sets = append(c.sets, attrSize+" = if_not_exists("+attrOutboxSize+", "+c.value(numberValue(0))+")")
		c.remove(attrTaken)
	case engine.EndPoll:
		c.endPoll(t, seen)
	case engine.Tell:
		c.state(engine.Closed)
		c.when("attribute_not_exists(" + attrTold + ")")
		c.take(t.ID)
		c.emptied(seen, func() { c.set(attrTold, boolValue(true)) })
	case engine.Pong:
		c.state(engine.Open, engine.Probing, engine.Draining)
		c.when("attribute_not_exists("+attrPonged+") OR "+attrPonged+" < %s", timeValue(t.At))
		c.set(attrPonged, timeValue(t.At))
	case engine.Announce:
		c.state(engine.Open)
		c.is(attrOpened, t.Before, idValue(t.Before))
		c.when("attribute_not_exists(" + attrGreeted + ")")
		c.set(attrOpened, idValue(t.Op))
	case engine.Greet:
		c.state(engine.Open)
		c.when("attribute_not_exists(" + attrGreeted + ")")
		c.set(attrGreeted, boolValue(true))
	case engine.Doubt:
		c.state(engine.Open)
		if t.At.IsZero() {
			c.when("attribute_exists(" + attrDoubted + ")")
		} else {
			c.isNot(attrDoubted, timeValue(t.At))
			if !t.Since.IsZero() {
				c.when("attribute_not_exists("+attrDoubted+") OR "+attrDoubted+" < %s", timeValue(t.Since))
			}
		}
		c.setOr(attrDoubted, !t.At.IsZero(), timeValue(t.At))
	case engine.Count:
		c.count(t, seen)
	case engine.SetEntry:
		c.setEntry(t, a)
	case engine.Keep:
		c.state(engine.Open, engine.Probing, engine.Draining)
		c.is(attrKept, t.Before, idValue(t.Before))
		c.isNot(attrKept, idValue(t.Op))
		if !t.Fits(a) {
			c.when("attribute_not_exists(" + partitionKey + ")") // never
		}
		c.set(attrKept, idValue(t.Op))
		c.setOr(attrPending, len(t.Pending) > 0, packetsValue(t.Pending))
	case engine.Close:
		c.close(t, a)
	case engine.Finish:
		c.state(engine.Closed)
		c.is(attrClosedBy, t.Before, idValue(t.Before))
		c.set(attrClosedBy, idValue(t.Op))
		c.setOr(attrClosedAt, !t.At.IsZero(), timeValue(t.At))
		c.expires(t.Expires)
	case engine.Probe:
		c.state(engine.Open)
		c.set(attrState, stateValue(engine.Probing))
		c.set(attrConnection, stringValue(t.Connection))
		c.set(attrProbedAt, timeValue(t.Now))
	case engine.Unprobe:
		c.state(engine.Probing)
		c.is(attrConnection, t.Connection, stringValue(t.Connection))
		c.set(attrState, stateValue(engine.Open))
		c.remove(attrConnection)
	case engine.Drain:
		c.is(attrConnection, t.Connection, stringValue(t.Connection))
		c.take(t.Step)
		if t.After == "" {
			c.state(engine.Probing)
		} else {
			c.state(engine.Draining)
			c.when(attrTakenBy+" = %s", idValue(t.After))
		}
		if t.Seal && t.After != "" {
			c.set(attrSealed, boolValue(true))
		}
		c.set(attrProbedAt, timeValue(t.Now))
		state := engine.Draining
		c.emptied(seen, func() {
			state = engine.Moved
			c.remove(attrKey)
			c.expires(t.Expires)
		})
		c.set(attrState, stateValue(state))
	case engine.Settle:
		c.state(engine.Probing)
		c.set(attrState, stateValue(engine.Open))
		c.expires(t.Expires)
		c.set(attrEntries, entriesValue(t.Entries))
		c.set(attrChanges, changesValue(t.Changes))
		c.set(attrRoom, numberValue(int64(engine.EntriesSize(t.Entries))))
		c.setOr(attrPending, len(t.Pending) > 0, packetsValue(t.Pending))
		c.setOr(attrKept, t.Kept != "", idValue(t.Kept))
	default:
		return nil, fmt.Errorf("dynamo: there is no expression for the transition %T: add one to changeOf", t)
	}
	return c, nil
}
