package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// pair is the two rows of one membership, and whoever works on them, one step at a time in an order that is given.
type pair struct {
	list     *ticket
	room     string // stamp of the room row, "" when there is none
	made     int
	clock    int         // of steps
	buried   int         // when the list row was a tombstone, 0 for never
	entombed int         // when the room row was made a tombstone last
	strays   int         // that have begun since the last step
	turns    []chan bool // grants one step: to each party, and after them to the stray attempt of each
	waiting  chan int    // who waits for a step, or has ended: -1-i
}

// there reports whether there is a room row, and no tombstone.
func (p *pair) there() bool { return p.room != "" && !strings.HasSuffix(p.room, buried) }

var errLost = errors.New("lost")

// party is one caller of join or leave. It implements links.
type party struct {
	*pair
	me    int
	steps int
	fault func(step int) mishap

	unsure bool // an attempt of this party's may be on its way
}

// attempt is one at a step.
type attempt struct {
	began  int
	second bool // the first was given up
}

// mishap is what becomes of a step.
type mishap int

const (
	done  mishap = iota
	lost         // it is not done, and fails
	mute         // it is done, and fails
	twice        // it is done again, after its first answer was lost on the way
	later        // the same, and others have their turns in between
	stray        // it is done by a second attempt, and the first, which was given up, arrives at any time after
	late         // it fails, and the attempt arrives at any time after
)

func (p *party) step(do func(attempt)) error {
	p.waiting <- p.me
	<-p.turns[p.me]
	what := done
	if p.fault != nil {
		what = p.fault(p.steps)
	}
	p.steps++
	p.clock++
	a := attempt{began: p.clock}
	switch what {
	case lost:
		return errLost
	case mute:
		do(a)
		return errLost
	case twice:
		do(a)
		a.second = true
	case later:
		do(a)
		p.waiting <- p.me
		<-p.turns[p.me]
		p.clock++
		a = attempt{p.clock, true}
	case stray, late:
		first, me := a, len(p.turns)/2+p.me
		p.strays++
		go func() {
			p.waiting <- me
			<-p.turns[me]
			do(first)
			p.waiting <- -1 - me
		}()
		if what == late {
			return errLost
		}
		a.second = true
	}
	do(a)
	return nil
}

func (p *party) enlist(_ context.Context, _ string, raced bool) (t ticket, made bool, err error) {
	err = p.step(func(a attempt) {
		if p.buried > a.began {
			return
		}
		if made = p.list == nil; made {
			p.made++
			p.list = &ticket{id: fmt.Sprintf("%04d", p.made)}
		}
		p.list.number++
		p.list.raced = p.list.raced || raced || a.second || p.unsure || p.buried > 0
		t = *p.list
	})
	p.unsure = err != nil
	return t, made, err
}

func (p *party) show(_ context.Context, _ string, t ticket, over place) (became shown, err error) {
	err = p.step(func(a attempt) {
		mine, tomb := strings.HasPrefix(p.room, t.id), strings.HasSuffix(p.room, buried)
		lower := mine && p.room[:len(t.stamp())] < t.stamp()
		switch {
		case over == overNone && p.room == "":
			became = shownFirst
		case over == overOther && p.entombed <= a.began && (!mine || tomb && lower):
			became, p.entombed = shownFresh, a.began
		case over == overMine && lower && !tomb:
			became = shownOver
		default:
			became = t.became(p.room)
			return
		}
		p.room = t.stamp()
		if a.second && over != overMine {
			became = shownTwice
		}
	})
	p.unsure = p.unsure || err != nil || became == shownTwice
	return became, err
}

func (p *party) listed(context.Context) (all map[string]ticket, err error) {
	all = map[string]ticket{}
	err = p.step(func(attempt) {
		if p.list != nil {
			all["r"] = *p.list
		}
	})
	return all, err
}

func (p *party) look(context.Context, string) (seen string, err error) {
	err = p.step(func(attempt) {
		if seen = p.room; strings.HasSuffix(seen, buried) {
			seen = ""
		}
	})
	return seen, err
}

func (p *party) hide(_ context.Context, _ string, t ticket) (ok bool, err error) {
	err = p.step(func(attempt) {
		if ok = p.room == t.stamp(); ok {
			p.room = ""
		}
	})
	return ok, err
}

func (p *party) bury(_ context.Context, _ string, t ticket) (ok bool, err error) {
	err = p.step(func(attempt) {
		if ok = !strings.HasPrefix(p.room, t.id) || p.room[:len(t.stamp())] < t.stamp(); ok {
			p.room, p.entombed = t.stamp()+buried, p.clock
		} else {
			ok = p.room == t.stamp()+buried
		}
	})
	return ok, err
}

func (p *party) unlist(_ context.Context, _ string, t ticket) (ok bool, now ticket, there bool, err error) {
	err = p.step(func(attempt) {
		if ok = p.list != nil && *p.list == t; ok {
			if p.list = nil; t.raced {
				p.buried = p.clock
			}
		} else if there = p.list != nil; there {
			now = *p.list
		}
	})
	return ok, now, there, err
}

func (p *party) purge(_ context.Context, _ string, t ticket) error {
	return p.step(func(attempt) {
		if strings.HasPrefix(p.room, t.id) && !strings.HasSuffix(p.room, buried) {
			p.room = ""
		}
	})
}

// scenario is who works on the two rows at the same time: "j" joins, "l" leaves, in capitals with a fault.
type scenario struct {
	parties string
	there   bool                  // the membership is there at the beginning
	fault   func(step int) mishap // of those in capitals; they call again until there is none
}

// run lets the parties take steps in the order that choose says, which gets the number of those who wait.
func (s scenario) run(choose func(n int) int) (*pair, string) {
	p := &pair{waiting: make(chan int)}
	if s.there {
		p.made, p.list = 1, &ticket{id: "0001", number: 1}
		p.room = p.list.stamp()
	}
	for range 2 * len(s.parties) {
		p.turns = append(p.turns, make(chan bool))
	}
	for i, kind := range s.parties {
		one := &party{pair: p, me: i}
		if strings.ToUpper(string(kind)) == string(kind) {
			one.fault = s.fault
		}
		go func() {
			defer func() { p.waiting <- -1 - i }()
			for err := errLost; err != nil; {
				if kind == 'j' || kind == 'J' {
					err = join(context.Background(), one, []string{"r"})
				} else {
					err = leave(context.Background(), one, "", []string{"r"})
				}
			}
		}()
	}
	var ready []int
	var order strings.Builder
	for working, moving := len(s.parties), len(s.parties); ; {
		for ; moving > 0; moving-- {
			if who := <-p.waiting; who >= 0 {
				ready = append(ready, who)
			} else {
				working--
			}
			moving, working, p.strays = moving+p.strays, working+p.strays, 0
		}
		if working == 0 {
			return p, order.String()
		}
		slices.Sort(ready)
		i := 0
		if len(ready) > 1 {
			i = choose(len(ready))
		}
		who := ready[i]
		fmt.Fprintf(&order, "%c%d ", (s.parties + strings.Repeat("s", len(s.parties)))[who], who)
		ready = slices.Delete(ready, i, i+1)
		moving = 1
		p.turns[who] <- true
	}
}

// all runs every order there is, up to a number, and reports how many it ran.
func (s scenario) all(t *testing.T, most int) (runs int, complete bool) {
	t.Helper()
	var path, width []int
	for {
		depth := 0
		p, order := s.run(func(n int) int {
			if depth == len(path) {
				path, width = append(path, 0), append(width, n)
			}
			depth++
			return path[depth-1]
		})
		s.verify(t, p, order)
		runs++
		for len(path) > 0 && path[len(path)-1] == width[len(path)-1]-1 {
			path, width = path[:len(path)-1], width[:len(path)-1]
		}
		if len(path) == 0 {
			return runs, true
		}
		if runs == most || t.Failed() {
			return runs, false
		}
		path[len(path)-1]++
	}
}

func (s scenario) verify(t *testing.T, p *pair, order string) {
	t.Helper()
	if (p.list == nil) == p.there() {
		t.Errorf("%q, there at first: %t, in the order %s: list row %v, room row %q", s.parties, s.there, order, p.list, p.room)
	}
}
