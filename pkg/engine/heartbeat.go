package engine

import (
	"context"
	"sync"
	"time"
)

// pong notes that a client is alive, and tries for as long as its invocation may last: a table that is busy must not
// cost a healthy client its connection.
func (e *Engine) pong(ctx context.Context, a Address) {
	note := func() (err error) {
		if _, ok := a.connection(); ok {
			return e.store.Touch(ctx, a, e.now(), false)
		}
		_, _, err = e.store.Update(ctx, a, Pong{At: e.now()})
		return err
	}
	err := note()
	for isTemporary(err) && e.sleep(ctx, jittered(time.Second)) == nil {
		err = note()
	}
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "a pong could not be noted", "session", a, "error", err)
	}
}

// alive takes back the doubt of a sweep: a frame of the connection has come.
func (e *Engine) alive(ctx context.Context, s Session) {
	err := e.store.Touch(ctx, s.Address, e.now(), false)
	if err == nil {
		_, _, err = e.store.Update(ctx, s.Address, Doubt{})
	}
	if err != nil {
		e.opt.Logger.WarnContext(ctx, "a sign of life could not be noted, the next frame is one too", "session", s.Address, "error", err)
	}
}

// Dead is the Last of a connection that a sweep is to close. No pong brings it back.
var Dead = time.Unix(0, 0).UTC()

// markDead leaves a connection to the next sweep, whatever becomes of this invocation.
func (e *Engine) markDead(ctx context.Context, a Address) {
	if err := e.store.Touch(ctx, a, Dead, false); err != nil {
		e.opt.Logger.ErrorContext(ctx, "a connection could not be marked as dead", "session", a, "error", err)
	}
}

// beat returns the first beat of a shard's heartbeat after a time. Each shard has a phase of its own on the clock, so
// that clients that have connected together do not answer together.
func (e *Engine) beat(shard int, after time.Time) time.Time {
	interval := max(1, e.opt.PingInterval.Milliseconds())
	phase := interval * int64(shard) / Shards
	since := (after.UnixMilli() - phase) % interval
	return time.UnixMilli(after.UnixMilli() - since + interval)
}

// late is how far a timer may be overdue before it counts as lost. Its message is ignored if it comes after all.
func (e *Engine) late() time.Duration { return min(10*time.Second, e.opt.PingTimeout/6) }

// lost reports whether the message of a timer must be lost.
func (e *Engine) lost(t Timer) bool { return !t.Due.IsZero() && !e.now().Before(t.Due.Add(e.late())) }

// skew is how far the clocks of two processes may be apart.
const skew = time.Second

// near is how much too early a timer's message may come by the clock of another process.
func (e *Engine) near() time.Duration { return min(skew, e.opt.PingInterval/10) }

// arm sees to it that a sweep of a shard is on its way. It is called after a liveness row was written; a sweep disarms
// before it looks for rows a last time: so one of the two sees the other. A timer is disarmed when it is due and no
// sooner, so that one that is due later than now is good, however old what was read is. What a lost message was to do
// is done at once.
func (e *Engine) arm(ctx context.Context, shard int) error {
	t, err := e.store.Timer(ctx, shard, false)
	if err != nil || e.now().Add(2*e.near()).Before(t.Due) {
		return err
	}
	t, err = e.store.Timer(ctx, shard, true)
	if err != nil || !t.Due.IsZero() && !e.lost(t) {
		return err
	}
	due := e.now()
	if t.Due.IsZero() {
		due = e.beat(shard, due)
	}
	_, err = e.rearm(ctx, shard, t.Generation, Timer{Due: due, By: e.newOp(), Polling: t.Polling})
	return err
}

// repair arms the timer of a shard that somebody else depends on, if its message is lost. It reports whether there is a
// timer.
func (e *Engine) repair(ctx context.Context, shard int) bool {
	t, err := e.store.Timer(ctx, shard, false)
	if err == nil && e.lost(t) {
		e.opt.Logger.WarnContext(ctx, "the heartbeat of a shard was overdue and is armed again", "shard", shard, "due", t.Due)
		err = e.arm(ctx, shard)
	}
	if err != nil {
		e.opt.Logger.WarnContext(ctx, "the heartbeat of another shard could not be looked at", "shard", shard, "error", err)
	}
	return err != nil || !t.Due.IsZero()
}

// lookBack repairs the timer of the shard whose beat came before that of another, by as much as shows whether its
// message is lost. Where that shard has no timer, the one before it is looked at, and so on: each that has one is seen
// by somebody.
func (e *Engine) lookBack(ctx context.Context, shard int) {
	apart := max(time.Millisecond, e.opt.PingInterval/Shards)
	behind := 1 + int(e.late()/apart)
	for n := range Shards {
		other := (shard + 2*Shards - behind%Shards - n) % Shards
		if other != shard && e.repair(ctx, other) {
			return
		}
	}
}

// rearm sends the message of the next generation, then replaces the timer of a shard. It reports whether it replaced
// it; when somebody else has, there are two messages of a generation, and the second to arrive is ignored. In this
// order no timer is left without a message. The first generation of a timer is the time, so that none comes again after
// the timer was disarmed: who has read an old one could take it for his own.
func (e *Engine) rearm(ctx context.Context, shard int, generation int64, next Timer) (bool, error) {
	if next.Generation = generation + 1; generation == 0 {
		next.Generation = e.now().UnixMilli()
	}
	err := e.schedule(ctx, job{Kind: jobSweep, Shard: shard, Generation: next.Generation}, max(0, next.Due.Sub(e.now())))
	if err != nil {
		return false, err
	}
	return e.store.SetTimer(ctx, shard, generation, next)
}

// sweep pings the connections of a shard, closes what has missed a deadline, finishes what a crash has left, and sends
// itself again while there are rows. A message of another generation is a double, and is ignored; the very message
// that made the present generation is not, because its invocation may have died half-way.
func (e *Engine) sweep(ctx context.Context, j job) error {
	t, err := e.store.Timer(ctx, j.Shard, true)
	if err != nil {
		return err
	}
	again := t.Generation == j.Generation+1 && t.By == j.ID
	if j.After != 0 {
		return e.resumeSweep(ctx, j, t)
	}
	if t.Generation != j.Generation && !again {
		if t, err = e.early(ctx, j, t); err != nil || t.Generation != j.Generation {
			return err
		}
	}
	at := e.now()
	lives, err := e.store.Lives(ctx, j.Shard)
	switch {
	case err != nil:
		return err
	case len(lives) == 0 && again: // the message of the present generation disarms
		return nil
	case !again && at.Add(e.near()).Before(t.Due): // a double that was sent before the one that is due, which it becomes
		return e.schedule(ctx, j, t.Due.Sub(at))
	case len(lives) == 0:
		e.counted(j.Shard, lives)
		return e.disarm(ctx, j.Shard, j.Generation)
	}
	if !again { // else the message of the next generation has left: it goes before the timer
		next := Timer{Due: e.beat(j.Shard, latest(at, t.Due)), By: j.ID, Polling: polling(lives)}
		if won, err := e.rearm(ctx, j.Shard, j.Generation, next); err != nil || !won {
			return err
		}
		e.counted(j.Shard, lives)
	}
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { e.lookBack(ctx, j.Shard) })
	return e.serve(ctx, j, lives, at)
}

// early is for a message of another generation than the timer's. Who has sent the next one replaces the timer only
// then: a message that comes before that waits a moment for its timer, or nobody would sweep until the timer counts as
// lost. Where the sender has died in between, the message takes the place of the lost one itself, and early returns the
// timer that it has now. Any other message is overtaken.
func (e *Engine) early(ctx context.Context, j job, t Timer) (Timer, error) {
	switch {
	case t.Due.IsZero(): // or it is being armed for the first time
		lives, err := e.store.Lives(ctx, j.Shard)
		if err != nil || len(lives) == 0 {
			return t, err
		}
		if err := e.arm(ctx, j.Shard); err != nil {
			return t, err
		}
	case j.Generation != t.Generation+1:
		return t, e.overtaken(ctx, j.Shard, t)
	case e.lost(t):
		next := Timer{Generation: j.Generation, Due: e.now(), By: e.newOp(), Polling: t.Polling}
		if won, err := e.store.SetTimer(ctx, j.Shard, t.Generation, next); err != nil || won {
			return next, err
		}
	}
	return t, e.schedule(ctx, j, e.near())
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// polling counts the sessions that poll.
func polling(lives []Live) (n int) {
	for _, l := range lives {
		if _, ok := l.Address.connection(); !ok {
			n++
		}
	}
	return n
}

// resumeSweep does what a sweep had no time for. The timer is not its business: the first sweep has seen to it. It is
// given up when the sweep after the next has begun, so that a shard that nobody can serve in time has two at most.
func (e *Engine) resumeSweep(ctx context.Context, j job, t Timer) error {
	if over := t.Generation - j.Generation; over != 1 && over != 2 {
		return e.overtaken(ctx, j.Shard, t)
	}
	at := e.now()
	lives, err := e.store.Lives(ctx, j.Shard)
	if err != nil {
		return err
	}
	return e.serve(ctx, j, lives, at)
}

// overtaken is for a message of another generation than the timer's. It arms an overdue timer, and one that a sweep
// has disarmed without living to look for rows again.
func (e *Engine) overtaken(ctx context.Context, shard int, t Timer) error {
	if t.Due.IsZero() {
		lives, err := e.store.Lives(ctx, shard)
		if err != nil || len(lives) == 0 {
			return err
		}
	}
	return e.arm(ctx, shard)
}

// disarm stops the timer of an empty shard, then looks once more for a row that was written meanwhile.
func (e *Engine) disarm(ctx context.Context, shard int, generation int64) error {
	ok, err := e.store.SetTimer(ctx, shard, generation, Timer{})
	if err != nil || !ok {
		return err
	}
	return e.overtaken(ctx, shard, Timer{})
}

// judge closes the connections that a sweep has doubted, and pinged once more, PingTimeout ago or longer: those that
// have still given no sign of life since the time of the job. Which sweep has doubted them does not matter, because the
// job of that one may be lost. Those whose doubt is younger are left to a job of their own, or to the next sweep's.
func (e *Engine) judge(ctx context.Context, j job) error {
	at := e.now() // before the rows are read: signs of life that come later are not in them
	lives, err := e.store.Lives(ctx, j.Shard)
	if err != nil {
		return err
	}
	var silent []row
	for _, l := range lives {
		_, ok := l.Address.connection()
		if ok && !l.Last.Equal(Dead) && l.Last.UnixMilli() <= j.Since {
			silent = append(silent, row{Live: l, place: place(l.Address)})
		}
	}
	done, err := e.each(ctx, silent, 0, func(ctx context.Context, l Live) { e.closeSilent(ctx, l, at) })
	defer done.all.Wait()
	if err != nil || done.begun == len(silent) {
		return err
	}
	last, cancel := e.outlive(ctx)
	defer cancel()
	return e.schedule(last, job{Kind: jobJudge, Shard: j.Shard, Since: j.Since}, 0) // who is closed by then is not found again
}

// closeSilent closes a connection whose liveness row was read at a time, if it was doubted PingTimeout before, and for the
// silence that the row shows: a pong leaves the doubt where it is, and the next silence needs a doubt, and a ping, of its own.
func (e *Engine) closeSilent(ctx context.Context, l Live, at time.Time) {
	s, err := e.store.Get(ctx, l.Address, true)
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "a doubted connection could not be judged, the next sweep will", "session", l.Address, "error", err)
		return
	}
	if s.State == Open && (s.Doubted.Before(e.silentFrom(l.Last)) || at.Before(s.Doubted.Add(e.opt.PingTimeout))) {
		return
	}
	connection, _ := l.Address.connection()
	e.closeSwept(ctx, l, connection, Close{Reason: PingTimeout})
}
