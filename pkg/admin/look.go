package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dozeio/doze/internal/instrument"
)

// Whether somebody looks is one note in the table, the mark, which is there from the first page's coming to the tick
// that finds none. A tick is a job on the queue, two seconds after the one before: it sends server_stats, and begins the
// next. A process believes for a while what it has read of the mark, and takes a tick that is long overdue for lost.
const (
	tickEvery = 2 * time.Second
	knownFor  = 5 * time.Second
	lostAfter = 10 * time.Second
	markLife  = 24 * time.Hour

	againAfter = time.Second
)

// mark is the note.
type mark struct {
	Tick  string `json:"tick"`  // of the job that is on its way
	Due   int64  `json:"due"`   // when it comes, milliseconds since 1970, as all times here
	Since int64  `json:"since"` // the server

	Census  *instrument.Census `json:"census,omitempty"`
	CountAt int64              `json:"countAt,omitempty"` // not before
}

func markOf(note string) (m mark) {
	if note == "" || json.Unmarshal([]byte(note), &m) != nil {
		return mark{}
	}
	return m
}

func (m mark) note() string {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // numbers and texts
	}
	return string(b)
}

// lost reports whether there is a mark and its job is not to be expected any more.
func (m mark) lost(now time.Time) bool {
	return m.Tick != "" && now.After(time.UnixMilli(m.Due).Add(lostAfter))
}

func (a *admin) markKey() string { return a.key("mark") }

// know notes what this process knows.
func (a *admin) know(looked bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.looked, a.until = looked, a.server.Now().Add(knownFor)
}

// known returns what this process knows, if that is not too old; the clock may have been set back. a.mu is held.
func (a *admin) known() (looked, ok bool) {
	left := a.until.Sub(a.server.Now())
	return a.looked, left > 0 && left <= knownFor
}

// looks reports whether somebody looks. When it cannot be read, that is what it was, and a line in the log where that
// begins: each reading holds somebody up, and each process reads.
func (a *admin) looks(ctx context.Context) bool {
	a.mu.Lock()
	looked, ok := a.known()
	a.mu.Unlock()
	if ok {
		return looked
	}
	note, err := a.server.Notes().Note(ctx, a.markKey(), false)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.until = a.server.Now().Add(knownFor)
	if err != nil {
		if !a.unread {
			a.server.Logger().WarnContext(ctx, "whether the admin page is open could not be read; there is no other line until it can", "error", why(ctx, err))
		}
		a.unread = true
		return a.looked
	}
	m := markOf(note)
	a.looked, a.unread, a.lost = m.Tick != "", false, m.lost(a.server.Now())
	return a.looked
}

// armLost begins the ticks again when looks has seen that one is lost. That is some calls one after the other, and has
// a time of its own.
func (a *admin) armLost(ctx context.Context) {
	a.mu.Lock()
	lost := a.lost
	a.lost = false
	a.mu.Unlock()
	if !lost {
		return
	}
	soon, cancel := a.server.Within(ctx, tellFor)
	defer cancel()
	if err := a.arm(soon); err != nil {
		a.server.Logger().WarnContext(ctx, "the ticks of the admin page were overdue and could not be begun again; whoever sees it tries", "error", why(soon, err))
	}
}

// job is a tick. One that is not the mark's may have come before the mark was written: it comes again a few times, a
// second later each.
type job struct {
	Tick  string `json:"tick"`
	Again int    `json:"again,omitempty"`
}

const (
	maxAgain = 3
	idLength = 12 // of a tick

	undoFor = 500 * time.Millisecond // less than an invocation has when its time is over
)

// arm begins ticks, unless one is on its way. Of two who begin, one writes the mark, and sends the job, which is due at
// once and would come too early otherwise. Should the process die in between, the tick counts as lost, as if the queue had
// lost it.
func (a *admin) arm(ctx context.Context) error {
	note, err := a.server.Notes().Note(ctx, a.markKey(), true)
	if err != nil {
		return err
	}
	now, m := a.server.Now(), markOf(note)
	if m.Tick != "" && !m.lost(now) {
		return nil
	}
	if m.Since == 0 {
		m.Since = a.since.UnixMilli()
	}
	if m.Tick, err = a.server.Random(idLength); err != nil {
		return err
	}
	m.Due = now.UnixMilli()
	won, err := a.server.Notes().PutNote(ctx, a.markKey(), note, m.note(), now.Add(markLife))
	if err != nil || !won {
		return err
	}
	if err := a.later(ctx, job{Tick: m.Tick}, 0); err != nil { // a mark that is lost: the next who looks begins
		undo, cancel := a.server.Within(context.WithoutCancel(ctx), undoFor)
		defer cancel()
		before := m.note()
		m.Due = 0
		_, undone := a.server.Notes().PutNote(undo, a.markKey(), before, m.note(), now.Add(markLife))
		return errors.Join(err, undone)
	}
	return nil
}

// next sends the next job, then has everybody counted, and writes the mark for both, if the note is still the one that
// was read: in this order, so that no tick is lost with the process, or with a table that is slow. A job that comes
// before its mark comes again.
func (a *admin) next(ctx context.Context, note string, m *mark, due time.Time) (bool, error) {
	id, err := a.server.Random(idLength)
	if err != nil {
		return false, err
	}
	m.Tick, m.Due = id, due.UnixMilli()
	if err := a.later(ctx, job{Tick: id}, due.Sub(a.server.Now())); err != nil {
		return false, err
	}
	a.census(ctx, m)
	return a.server.Notes().PutNote(ctx, a.markKey(), note, m.note(), a.server.Now().Add(markLife))
}

func (a *admin) later(ctx context.Context, j job, after time.Duration) error {
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return a.server.Later(ctx, b, max(0, after))
}

// Job implements instrument.Watcher. Of ticks, a queue may deliver one twice; the second finds that another is expected.
func (a *admin) Job(ctx context.Context, raw json.RawMessage) error {
	var j job
	if err := json.Unmarshal(raw, &j); err != nil {
		return fmt.Errorf("%w: %w", instrument.ErrNotAJob, err)
	}
	note, err := a.server.Notes().Note(ctx, a.markKey(), true)
	if err != nil {
		return err
	}
	m := markOf(note)
	if m.Tick != j.Tick {
		if j.Again++; j.Again > maxAgain {
			return nil
		}
		return a.later(ctx, j, againAfter)
	}
	open, err := a.server.Occupied(ctx, a.o.Namespace)
	if err != nil {
		return err
	}
	if !open {
		return a.disarm(ctx, note)
	}
	a.know(true)
	now := a.server.Now()
	due := time.UnixMilli(m.Due).Add(tickEvery)
	if due.Before(now) {
		due = now.Add(tickEvery)
	}
	won, err := a.next(ctx, note, &m, due)
	if err != nil || !won {
		return err
	}
	soon, cancel := a.server.Within(ctx, tellFor)
	defer cancel()
	if err := a.sendStats(soon, m); err != nil { // the next will
		a.server.Logger().WarnContext(ctx, "the admin page could not be sent its numbers", "error", why(soon, err))
	}
	return nil
}

// disarm ends the ticks, then looks once more for a page that came meanwhile: one that comes later finds no mark.
func (a *admin) disarm(ctx context.Context, note string) error {
	won, err := a.server.Notes().PutNote(ctx, a.markKey(), note, "", time.Time{})
	if err != nil || !won {
		return err
	}
	a.know(false)
	open, err := a.server.Occupied(ctx, a.o.Namespace)
	if err != nil || !open {
		return err
	}
	a.know(true)
	return a.arm(ctx)
}
