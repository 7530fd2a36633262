package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/dozeio/doze/internal/control"
)

const drainUsage = `usage: doze drain [flags]

Ends the connections of a deployment, so many a second, those first that have been there for longest. The stock client
comes back by itself: so send new ones elsewhere before, by the domain's record, say. Ctrl-C stops it and says how many
are left; the same command with the -before that it prints goes on. Nobody is ended twice who has come back since.

` + whereUsage

// drain runs doze drain.
func drain(ctx context.Context, args []string, out, log io.Writer) error {
	var w where
	f := flag.NewFlagSet("doze drain", flag.ContinueOnError)
	w.flags(f)
	rate := f.Float64("rate", 20, "clients a second to end")
	before := f.String("before", "", "`time` such as 2026-01-31T12:00:00Z: only who has come before is meant (default: now)")
	dryRun := f.Bool("dry-run", false, "say how many there are, and end nobody")
	asJSON := f.Bool("json", false, "print lines of JSON")
	if err := parseFlags(f, drainUsage, args, out); err != nil {
		return err
	}
	if !(*rate >= leastRate && *rate <= maxDrainRate) {
		return fmt.Errorf("-rate is %v: it goes from %v, one in %.0f s, up to %d", *rate, leastRate, 1/leastRate, maxDrainRate)
	}
	now := time.Now().UTC().Truncate(time.Millisecond).Add(time.Millisecond) // as sessions have it, and who is here is meant
	since := now
	if *before != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, *before); err != nil {
			return fmt.Errorf("-before %q is no time: write 2026-01-31T12:00:00Z, say", *before)
		}
		if since.After(now) {
			return fmt.Errorf("-before %s is later than now, %s: who comes back would be ended again and again", since.Format(time.RFC3339), now.Format(time.RFC3339))
		}
	}
	d, _, err := w.reach(ctx, log)
	if err != nil {
		return err
	}
	dr := drainer{d: d, rate: *rate, before: since, log: log, said: func(p drained) error {
		if *asJSON {
			return eachAsJSON(out, []drained{p})
		}
		_, err := fmt.Fprintln(out, p)
		return err
	}}
	if *dryRun {
		all, came, err := dr.left(ctx)
		if err != nil {
			return err
		}
		return dr.said(drained{Left: len(all), Came: came, Before: since})
	}
	return dr.drain(ctx)
}

// leastRate is the least that -rate may be here and in doze redrive, which has to do something within the time that SQS
// hides messages for.
const leastRate = 0.01

const (
	maxDrainRate  = 500 // new connections a second that API Gateway takes in an account: each comes back
	drainsAtOnce  = 32
	drainReports  = 10 * time.Second // between two lines
	drainPatience = 3                // times that those who are left are looked at, without one less
	drainPause    = 5 * time.Second  // for farewells, before those who are left are counted
)

// drained is how far a drain has come.
type drained struct {
	Ended  int       `json:"ended"`
	Left   int       `json:"left"` // of those who have come before
	Came   int       `json:"came"` // since
	Before time.Time `json:"before"`
	Done   bool      `json:"done"`
}

func (p drained) String() string {
	text := fmt.Sprintf("%s ended, %s left of those who came before %s", grouped(float64(p.Ended), 0), grouped(float64(p.Left), 0), p.Before.Format(time.RFC3339Nano))
	if p.Came > 0 {
		text += fmt.Sprintf("; %s since then: clients still find the way here", grouped(float64(p.Came), 0))
	}
	return text
}

// drainer ends the clients of a deployment.
type drainer struct {
	d interface {
		Clients(ctx context.Context, a control.Asked) ([]control.Client, error)
		End(ctx context.Context, c control.Client) error
	}
	rate   float64
	before time.Time
	said   func(drained) error
	log    io.Writer
}

// left returns those who have come before, and how many have since.
func (dr drainer) left(ctx context.Context) (left []control.Client, came int, err error) {
	all, err := dr.d.Clients(ctx, control.Asked{})
	if err != nil {
		return nil, 0, err
	}
	left = slices.DeleteFunc(slices.Clone(all), func(c control.Client) bool { return !c.Since.Before(dr.before) })
	return left, len(all) - len(left), nil
}

// drain ends clients until none is left, or ctx has ended.
func (dr drainer) drain(ctx context.Context) error {
	left, came, err := dr.left(ctx)
	if err != nil {
		return err
	}
	told, unknown := map[string]bool{}, map[string]bool{}
	p := drained{Left: len(left), Came: came, Before: dr.before}
	for fewest, tries := len(left), 0; len(left) > 0 && tries < drainPatience; {
		if err := dr.said(p); err != nil {
			return err
		}
		if err := dr.end(ctx, left, told, unknown, &p); err != nil {
			return err
		}
		select {
		case <-time.After(drainPause):
		case <-ctx.Done():
			return dr.stopped(ctx, p)
		}
		if left, p.Came, err = dr.left(ctx); err != nil {
			if ctx.Err() != nil {
				return dr.stopped(ctx, p)
			}
			if err := dr.said(p); err != nil {
				return err
			}
			return fmt.Errorf("who is left could not be looked at: %w: the same command with -before %s goes on", err, dr.before.Format(time.RFC3339Nano))
		}
		p.Left = len(left)
		if tries++; len(left) < fewest {
			fewest, tries = len(left), 0
		}
	}
	p.Done = p.Left == 0
	if err := dr.said(p); err != nil || p.Done {
		return err
	}
	if unheard := slices.DeleteFunc(left, func(c control.Client) bool { return !unknown[c.Name] }); len(unheard) > 0 {
		return fmt.Errorf("%d clients are still there, of whom %d are in the table and unknown to API Gateway: look whether -connections, or DOZE_CONNECTIONS, is that of this table; else they are dead, and sweeps close them", p.Left, len(unheard))
	}
	return fmt.Errorf("%d clients are still there that were told to go: doze show says what is known of one, and sweeps close what is dead; drain again later", p.Left)
}

// end ends some clients at the rate. In told it notes who has been, and in unknown whom API Gateway does not know. It
// starts no more after the first that could not be ended.
func (dr drainer) end(ctx context.Context, some []control.Client, told, unknown map[string]bool, p *drained) error {
	var mu sync.Mutex // of told, unknown and p
	var wg sync.WaitGroup
	slots, failed := make(chan struct{}, drainsAtOnce), make(chan error, 1)
	end := func(c control.Client) {
		err := dr.d.End(context.WithoutCancel(ctx), c)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case errors.Is(err, control.ErrUnknown):
			unknown[c.Name] = true
		case err != nil:
			select {
			case failed <- fmt.Errorf("%s could not be ended: %w", c.Name, err):
			default:
			}
		case !told[c.Name]: // else it is told once more, and counted once
			told[c.Name] = true
			delete(unknown, c.Name)
			p.Ended, p.Left = p.Ended+1, p.Left-1
		}
	}
	err := func() error {
		tick := time.NewTicker(time.Duration(float64(time.Second) / dr.rate))
		defer tick.Stop()
		report := time.NewTicker(drainReports)
		defer report.Stop()
		for i := 0; i < len(some) && len(failed) == 0 && ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-report.C:
				mu.Lock()
				now := *p
				mu.Unlock()
				if err := dr.said(now); err != nil {
					return err
				}
			case <-tick.C:
				slots <- struct{}{} // for some seconds at most
				if len(failed) > 0 || ctx.Err() != nil {
					return nil
				}
				c := some[i]
				i++
				wg.Go(func() {
					defer func() { <-slots }()
					end(c)
				})
			}
		}
		return nil
	}()
	wg.Wait()
	switch {
	case err != nil:
		return err
	case len(failed) > 0:
		if err := dr.said(*p); err != nil {
			return err
		}
		return fmt.Errorf("%w: mend that; nobody else was ended, and the same command with -before %s goes on", <-failed, dr.before.Format(time.RFC3339Nano))
	case ctx.Err() != nil:
		return dr.stopped(ctx, *p)
	}
	return nil
}

// stopped says how far it has come, and how to go on.
func (dr drainer) stopped(ctx context.Context, p drained) error {
	if err := dr.said(p); err != nil {
		return err
	}
	fmt.Fprintf(dr.log, "stopped: the same command with -before %s goes on\n", dr.before.Format(time.RFC3339Nano))
	return ctx.Err()
}
