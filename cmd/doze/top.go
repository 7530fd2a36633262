package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/internal/control"
)

const topUsage = `usage: doze top [flags]

Shows what a deployment does: clients, events, requests and posts a second, errors, and dollars an hour, again and again
until Ctrl-C. Events are what clients send over WebSocket, pongs among them; over polling they are requests.

A running doze dev (-dev URL) is asked every two seconds, for what it has counted since. A stack (-stack NAME) is asked
every minute, for the three minutes before the last, because that is how soon CloudWatch has its metrics; the clients,
the jobs and the dead letters are those of the moment. docs/operate.md says what it needs, and what watching costs.

`

// top runs doze top.
func top(ctx context.Context, args []string, out io.Writer) error {
	var w where
	f := flag.NewFlagSet("doze top", flag.ContinueOnError)
	f.StringVar(&w.dev, "dev", "", "`URL` of a running doze dev, such as http://127.0.0.1:3000")
	f.StringVar(&w.stack, "stack", "", "`name` of a stack")
	f.StringVar(&w.endpoint, "endpoint", "", "`URL` of a server that answers like AWS (default: AWS_ENDPOINT_URL, else AWS)")
	every := f.Duration("every", 0, "time between two looks (default: 1m, with -dev 2s)")
	minutes := f.Int("minutes", 3, "minutes of a stack's metrics to look at")
	count := f.Int("n", 0, "`number` of looks to end after (default: none)")
	asJSON := f.Bool("json", false, "print a line of JSON for each look")
	if err := parseFlags(f, topUsage, args, out); err != nil {
		return err
	}
	if err := checkTop(w, f); err != nil {
		return err
	}
	look, err := w.looker(ctx, every, *minutes)
	if err != nil {
		return ended(ctx, err)
	}
	return ended(ctx, watch(ctx, look, *every, *count, func(l looked) error {
		if *asJSON {
			return eachAsJSON(out, []looked{l})
		}
		return l.say(out, isTerminal(out))
	}))
}

// The shortest times between two looks. A look at a stack costs something.
const (
	leastOfDev   = 100 * time.Millisecond
	leastOfStack = 10 * time.Second
)

func checkTop(w where, f *flag.FlagSet) error {
	least := leastOfStack
	if w.dev != "" {
		least = leastOfDev
	}
	if (w.dev == "") == (w.stack == "") {
		return errors.New("which deployment? -dev http://127.0.0.1:3000 is a running doze dev, -stack NAME a stack; one of them")
	}
	return cmp.Or(commandline.Between(f, "minutes", 1, 60), commandline.Least(f, "every", least), commandline.Least(f, "n", 1))
}

// looker returns who looks at the deployment, and sets every where no flag has. Who looks at doze dev has looked once,
// and has waited, because that counts since it began.
func (w *where) looker(ctx context.Context, every *time.Duration, minutes int) (looker, error) {
	if w.dev == "" {
		if *every == 0 {
			*every = time.Minute
		}
		cfg, err := w.config(ctx)
		if err != nil {
			return nil, err
		}
		return lookAtStack(ctx, cfg, w.stack, minutes)
	}
	if *every == 0 {
		*every = 2 * time.Second
	}
	d, _, err := w.reach(ctx, io.Discard)
	if err != nil {
		return nil, err
	}
	look := &devLooker{url: w.dev, d: d}
	if _, err := look.look(ctx, time.Now()); err != nil {
		return nil, err
	}
	select {
	case <-time.After(*every):
		return look, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// looked is what one look has found. What nobody knows is nil, and no line of JSON has it: a zero would be a figure.
type looked struct {
	At time.Time `json:"at"`
	*Present
	*Counted
	Late    *int     `json:"late,omitempty"` // nil, as the next two, also where there is no such thing: doze dev
	Dead    *int     `json:"dead,omitempty"`
	Dollars *float64 `json:"dollars,omitempty"` // an hour
	Failed  string   `json:"failed,omitempty"`  // why there is nothing at all
	Unknown string   `json:"unknown,omitempty"` // why there is no Counted, and no Dollars
}

// Present is who is there at the moment.
type Present struct {
	WebSocket int  `json:"websocket"`
	Unjoined  int  `json:"unjoined"` // of these, who have never joined a namespace
	Polling   int  `json:"polling"`
	Sockets   *int `json:"sockets,omitempty"` // of doze dev only: a stack's would be a read for each client
}

// Counted is what was counted in some time.
type Counted struct {
	Seconds   float64 `json:"seconds"`
	Events    float64 `json:"events"` // a second, as are requests and posts
	Requests  float64 `json:"requests"`
	Posts     float64 `json:"posts"`
	Errors    float64 `json:"errors"`             // in all of the time
	Throttles float64 `json:"throttles"`          // what Lambda, the table, or a rate has refused
	EventP99  float64 `json:"eventP99,omitempty"` // seconds; zero where there was no event
}

// looker looks at a deployment.
type looker interface {
	look(ctx context.Context, now time.Time) (looked, error)
}

// watch looks again and again until ctx ends, or for some times. A look that fails ends it only when it is the first: who
// looks on all night is told, and shown what the next look finds.
func watch(ctx context.Context, look looker, every time.Duration, times int, say func(looked) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 1; ; n++ {
		now := time.Now()
		l, err := look.look(ctx, now)
		if err != nil && (n == 1 || ctx.Err() != nil) {
			return err
		} else if err != nil {
			l = looked{At: now, Failed: err.Error()}
		}
		if err := say(l); err != nil || n == times {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// isTerminal reports whether somebody looks at what is written.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// anew takes a terminal's cursor to the top and clears what is below.
const anew = "\x1b[H\x1b[2J"

// say writes a look for people: a page on a terminal, in the place of the last one, else a line.
func (l looked) say(out io.Writer, terminal bool) (err error) {
	before := ""
	if terminal {
		before = anew
	}
	if l.Failed != "" {
		_, err = fmt.Fprintf(out, "%s%s  %s\n", before, l.At.Format("15:04:05"), l.Failed)
		return err
	}
	if l.Unknown != "" {
		_, err = fmt.Fprintf(out, "%s%s  clients %s  late %s  dead %s  %s\n", before, l.At.Format("15:04:05"), l.Present, orNone("%d", l.Late), orNone("%d", l.Dead), l.Unknown)
		return err
	}
	if !terminal {
		_, err = fmt.Fprintf(out, "%s  clients %s  events/s %.1f  requests/s %.1f  posts/s %.1f  errors %.0f  throttles %.0f  late %s  dead %s  $/h %s\n",
			l.At.Format("15:04:05"), l.Present, l.Events, l.Requests, l.Posts, l.Errors, l.Throttles, orNone("%d", l.Late), orNone("%d", l.Dead), orNone("%.4f", l.Dollars))
		return err
	}
	p99 := "-"
	if l.EventP99 > 0 {
		p99 = fmt.Sprintf("%.0f ms", 1000*l.EventP99)
	}
	_, err = fmt.Fprintf(out, `%s%s, of %.0f s

clients      %s
events/s     %.1f
requests/s   %.1f
posts/s      %.1f
errors       %.0f
throttles    %.0f
event p99    %s
late jobs    %s
dead letters %s
dollars/hour %s
`, anew, l.At.Format("15:04:05"), l.Seconds, l.Present, l.Events, l.Requests, l.Posts, l.Errors, l.Throttles, p99, orNone("%d", l.Late), orNone("%d", l.Dead), orNone("%.4f", l.Dollars))
	return err
}

func (p *Present) String() string {
	text := fmt.Sprintf("%d websocket, %d polling", p.WebSocket, p.Polling)
	if p.Unjoined > 0 {
		text = fmt.Sprintf("%d websocket (%d never in a namespace), %d polling", p.WebSocket, p.Unjoined, p.Polling)
	}
	if p.Sockets != nil {
		text += fmt.Sprintf(", %d sockets", *p.Sockets)
	}
	return text
}

// orNone writes a figure, or a dash for one that there is not.
func orNone[N int | float64](format string, figure *N) string {
	if figure == nil {
		return "-"
	}
	return fmt.Sprintf(format, *figure)
}

// devLooker looks at a server in one process, which counts since it began.
type devLooker struct {
	url  string
	d    control.Deployment
	at   time.Time // of the last look; zero before the first
	last control.Traffic
}

func (d *devLooker) look(ctx context.Context, now time.Time) (looked, error) {
	t, err := control.TrafficAt(ctx, d.url)
	if err != nil {
		return looked{}, err
	}
	clients, err := d.d.Clients(ctx, control.Asked{})
	if err != nil {
		return looked{}, err
	}
	l := looked{At: now, Present: &Present{Sockets: new(int)}}
	for _, c := range clients {
		*l.Sockets += len(c.Sockets)
		if c.Transport == "polling" {
			l.Polling++
		} else {
			l.WebSocket++
			if c.Unjoined {
				l.Unjoined++
			}
		}
	}
	counted, ok := t.Since(d.last)
	switch {
	case d.at.IsZero():
	case !ok:
		l.Unknown = "it has been started anew: the rates come with the next look"
	default:
		seconds := now.Sub(d.at).Seconds()
		l.Counted = &Counted{
			Seconds: seconds, Events: float64(counted.Messages) / seconds, Requests: float64(counted.Requests) / seconds, Posts: float64(counted.Posts) / seconds,
			Errors: float64(counted.Errors), Throttles: float64(counted.Refusals),
		}
	}
	d.at, d.last = now, t
	return l, nil
}
