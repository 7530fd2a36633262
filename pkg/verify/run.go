package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// Options say what is asked. Only URL is required; the zero value of each other field means its default.
type Options struct {
	URL       string // of the deployment, as its output Address has it
	WebSocket string // address of the WebSocket API with its stage; default: what the deployment tells its pages, else the URL's own
	Origin    string // is sent with every request, as a browser does; default: none

	Only  []string // ids of questions; default: all
	Long  bool     // asks what takes as long as twenty pings, too
	Flood bool     // sends a few thousand messages at once

	Rounds  int           // how often what is measured is done; default 20
	Clients int           // that a broadcast goes to; default 10, at most 49
	Wait    time.Duration // for what should come; default 10 s
	Quiet   time.Duration // how long nothing may come where nothing should; default 2 s
	Limit   time.Duration // for one question; default 1 minute. What takes longer has limits of its own

	Now  func() time.Time // for the report's date; default time.Now
	Tell func(Fact)       // is called with each fact when it is known, one at a time
}

func (o Options) complete() (Options, error) {
	o.Rounds, o.Clients = cmp.Or(o.Rounds, 20), cmp.Or(o.Clients, 10)
	o.Wait, o.Quiet, o.Limit = cmp.Or(o.Wait, 10*time.Second), cmp.Or(o.Quiet, 2*time.Second), cmp.Or(o.Limit, time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rounds < 1 || o.Clients < 1 || o.Clients >= counterpart.MaxMembers || o.Wait < 0 || o.Quiet < 0 || o.Limit < 0 {
		return o, fmt.Errorf("verify: Rounds and Clients are at least 1, Clients below %d, and no time is negative", counterpart.MaxMembers)
	}
	return o, nil
}

// Run asks a deployment all that can be asked of it. It blocks until all is answered, given up, or ctx has ended: what
// is not known by then is Unknown. The error says why nothing could be asked at all.
func Run(ctx context.Context, o Options) (Report, error) {
	o, err := o.complete()
	if err != nil {
		return Report{}, err
	}
	questions, err := choose(o.Only)
	if err != nil {
		return Report{}, err
	}
	d, err := newDeployment(ctx, o)
	if err != nil {
		return Report{}, err
	}
	defer d.http.CloseIdleConnections()
	r := newReport(d)
	if r.Namespace, err = d.hasCounterpart(ctx); err != nil {
		return Report{}, err
	}
	r.Facts = make([]Fact, len(questions))
	var telling sync.Mutex
	ask := func(i int) {
		began := time.Now()
		f := d.find(ctx, questions[i], r.Namespace)
		telling.Lock()
		defer telling.Unlock()
		r.Facts[i] = fact(questions[i], f, time.Since(began))
		if o.Tell != nil {
			o.Tell(r.Facts[i])
		}
	}
	var alongside sync.WaitGroup
	for i, q := range questions {
		if q.Alongside {
			alongside.Go(func() { ask(i) })
		}
	}
	for i, q := range questions {
		if !q.Alongside {
			ask(i)
		}
	}
	alongside.Wait()
	r.Requests, r.Sent, r.Received = d.requests.Load(), d.sent.Load(), d.received.Load()
	return r, nil
}

// choose returns the questions with these ids, all for none.
func choose(ids []string) ([]Question, error) {
	all := Questions()
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(q Question) bool { return q.ID == id }) {
			var known strings.Builder
			for _, q := range all {
				known.WriteString("\n  " + q.ID)
			}
			return nil, fmt.Errorf("there is no question %q; these are all:%s", id, &known)
		}
	}
	return slices.DeleteFunc(all, func(q Question) bool { return len(ids) > 0 && !slices.Contains(ids, q.ID) }), nil
}

// hasCounterpart tries to join its namespace.
func (d *deployment) hasCounterpart(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, d.o.Limit)
	defer cancel()
	s, err := d.open(ctx)
	if err != nil {
		return false, fmt.Errorf("this is no deployment of Doze that can be reached, or one that does not allow the page of -origin (see AllowOrigins): %w", err)
	}
	defer s.close(ctx)
	if err := s.post(ctx, connectPacket); err != nil {
		return false, err
	}
	reply, err := s.await(ctx, connectPacket, refusalPrefix)
	return strings.HasPrefix(reply, connectPacket), err
}

// lacking is what is said where the namespace is missing.
const lacking = "not asked: the deployment has no namespace " + counterpart.Namespace

// find asks one question. One that panics or takes too long is Unknown, and the rest goes on.
func (d *deployment) find(ctx context.Context, q Question, namespace bool) Finding {
	switch {
	case q.Namespace && !namespace:
		return Finding{Verdict: Unknown, Seen: lacking}
	case q.Long && !d.o.Long:
		return Finding{Verdict: Unknown, Seen: "not asked: it takes as long as 20 pings (-long)"}
	case q.Flood && !d.o.Flood:
		return Finding{Verdict: Unknown, Seen: "not asked: it costs money and disturbs others (-flood)"}
	case ctx.Err() != nil:
		return Finding{Verdict: Unknown, Seen: "not asked: " + over(ctx)}
	}
	all := ctx
	if !q.Long {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.o.Limit)
		defer cancel()
	}
	found := make(chan Finding, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				found <- Finding{Verdict: Unknown, Seen: fmt.Sprintf("the question itself failed: %v", p)}
			}
		}()
		f, err := q.ask(ctx, d)
		switch {
		case all.Err() != nil && (err != nil || f.Verdict == Differs): // what is missing was not waited for
			f = Finding{Verdict: Unknown, Seen: "not answered: " + over(all)}
		case err != nil:
			f = Finding{Verdict: Unknown, Seen: reason(err)}
		}
		found <- f
	}()
	select {
	case f := <-found:
		return f
	case <-ctx.Done():
	}
	select { // what it has seen so far, if it heeds its context
	case f := <-found:
		return f
	case <-time.After(min(time.Second, d.o.Limit)):
		return Finding{Verdict: Unknown, Seen: "no answer in time"}
	}
}

// over says why a context has ended.
func over(ctx context.Context) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "the time was over"
	}
	return "interrupted"
}

func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return err.Error()
}
