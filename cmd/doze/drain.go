package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/dozeio/doze/internal/commandline"
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
	if err := commandline.ParseFlags(f, drainUsage, args, out); err != nil {
		return err
	}
	if !(*rate > 0 && *rate <= maxDrainRate) {
		return fmt.Errorf("-rate is %v: write a number over 0, and up to %d", *rate, maxDrainRate)
	}
	since := time.Now().UTC().Truncate(time.Millisecond).Add(time.Millisecond) // as sessions have it, and who is here is meant
	if *before != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, *before); err != nil {
			return fmt.Errorf("-before %q is no time: write 2026-01-31T12:00:00Z, say", *before)
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
	asked := map[string]bool{}
	p := drained{Left: len(left), Came: came, Before: dr.before}
	for fewest, tries := len(left), 0; len(left) > 0 && tries < drainPatience; {
		if err := dr.said(p); err != nil {
			return err
		}
		if err := dr.end(ctx, left, asked, &p); err != nil {
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
			return err
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
	return fmt.Errorf("%d clients are still there that were told to go: doze show says what is known of one, and sweeps close what is dead; drain again later", p.Left)
}

// end ends some clients at the rate. In asked it notes whom it has come to.
func (dr drainer) end(ctx context.Context, some []control.Client, asked map[string]bool, p *drained) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots, failed := make(chan struct{}, drainsAtOnce), make(chan error, 1)
	tick := time.NewTicker(time.Duration(float64(time.Second) / dr.rate))
	defer tick.Stop()
	report := time.NewTicker(drainReports)
	defer report.Stop()
	for i := 0; i < len(some); {
		select {
		case <-ctx.Done():
			return dr.stopped(ctx, *p)
		case err := <-failed:
			return err
		case <-report.C:
			if err := dr.said(*p); err != nil {
				return err
			}
		case <-tick.C:
			c := some[i]
			i++
			if !asked[c.Name] { // else it is told once more, and counted once
				asked[c.Name] = true
				p.Ended, p.Left = p.Ended+1, p.Left-1
			}
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				if err := dr.d.End(context.WithoutCancel(ctx), c); err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			})
		}
	}
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// stopped says how far it has come, and how to go on.
func (dr drainer) stopped(ctx context.Context, p drained) error {
	if err := dr.said(p); err != nil {
		return err
	}
	fmt.Fprintf(dr.log, "stopped: the same command with -before %s goes on\n", dr.before.Format(time.RFC3339Nano))
	return ctx.Err()
}
