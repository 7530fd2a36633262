// Package badtable stands in front of a DynamoDB and does on the wire what a network and a busy service do: it
// throttles, fails, loses answers, hangs and is slow, at rates drawn from a seed; and it has DynamoDB's limits for a
// partition key and for a new table, which what stands in for DynamoDB has not. As it speaks HTTP it serves whatever
// has an endpoint for its table: a store in a test, or functions that are processes of their own.
//
// Only what reads and writes rows is disturbed: whoever makes or describes a table is let through.
package badtable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Fault is what happens to one request.
type Fault string

// The faults. Only a Late request is written later than its client has given up.
const (
	None       Fault = ""
	Throttled  Fault = "throttled"             // answered 400, one of the codes by which DynamoDB asks for less; not passed on
	Failed     Fault = "failed"                // answered 500 or 503; not passed on
	Lost       Fault = "written, answer lost"  // passed on; answered 500, or the connection is cut before or within the answer
	Ignored    Fault = "not answered"          // not passed on, and no answer until the client gives up
	Unanswered Fault = "written, not answered" // passed on, and no answer until the client gives up
	Late       Fault = "late"                  // no answer until the client gives up, and passed on some time after
	Slow       Fault = "slow"                  // passed on and answered, up to the slowness later
)

// Kinds are all faults but None.
var Kinds = []Fault{Throttled, Failed, Lost, Ignored, Unanswered, Late, Slow}

// Rates say how likely each fault is, from 0 (never) to 1. Together they are 1 at most.
type Rates map[Fault]float64

// Options are the settings of a Table.
type Options struct {
	Seed  uint64 // of what is drawn: the same requests in the same order of arrival meet the same faults
	Rates Rates
	// Slowness is the longest that a Slow request takes, half of it before it is passed on; default 100 ms. It should
	// be less than its client waits.
	Slowness time.Duration
	Lateness time.Duration // how long after its client has given up a Late request is passed on; default 1 s

	// Throughput is what it takes; the zero value is what DynamoDB's documentation says. What is beyond is refused, and
	// is in Usage, not in Counts.
	Throughput Throughput
	Now        func() time.Time // the clock of Throughput; default time.Now
}

// Table is a proxy of a DynamoDB. All methods may be called concurrently.
type Table struct {
	URL string // of the proxy, on loopback

	endpoint *url.URL
	slowness time.Duration
	lateness time.Duration
	late     sync.WaitGroup
	client   *http.Client
	turns    chan struct{} // one in it for each request that is with the DynamoDB
	server   *http.Server
	ended    context.Context
	end      context.CancelFunc
	served   chan struct{}

	throughput *throughput

	mu     sync.Mutex // guards what follows
	random *rand.Rand
	rates  Rates
	script []Fault
	counts map[Fault]int
	held   chan struct{} // closed when what is late may arrive; nil when nobody holds it
}

// atOnce is how many requests are with the DynamoDB at a time. What stands in for it is one process: with a connection
// for each of thousands that wait, of which most have given up, it gets to none in time.
const atOnce = 64

// Start runs a proxy of the DynamoDB at an endpoint, on a free loopback port, until Close.
func Start(endpoint string, o Options) (*Table, error) {
	to, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	if o.Slowness == 0 {
		o.Slowness = 100 * time.Millisecond
	}
	if o.Lateness == 0 {
		o.Lateness = time.Second
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &Table{
		URL: "http://" + listener.Addr().String(), endpoint: to, slowness: o.Slowness, lateness: o.Lateness, served: make(chan struct{}),
		client:     &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce, DisableCompression: true}},
		turns:      make(chan struct{}, atOnce),
		throughput: newThroughput(o.Throughput, o.Now), random: rand.New(rand.NewPCG(o.Seed, 0)), counts: map[Fault]int{},
	}
	if err := t.SetRates(o.Rates); err != nil {
		listener.Close()
		return nil, err
	}
	t.ended, t.end = context.WithCancel(context.Background())
	t.server = &http.Server{Handler: t, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() {
		defer close(t.served)
		_ = t.server.Serve(listener)
	}()
	return t, nil
}

// Close ends the proxy, and whatever request still hangs in it.
func (t *Table) Close() {
	t.end()
	_ = t.server.Close()
	<-t.served
	t.late.Wait()
	t.client.CloseIdleConnections()
}

// Hold keeps what is Late until release is called: for who has to know what comes first.
func (t *Table) Hold() (release func()) {
	held := make(chan struct{})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = held
	return func() { close(held) }
}

// Wait waits until all Late requests whose clients have given up are passed on.
func (t *Table) Wait() { t.late.Wait() }

// SetRates replaces the rates from now on.
func (t *Table) SetRates(r Rates) error {
	sum := 0.0
	for f, rate := range r {
		if sum += rate; !(rate >= 0 && sum <= 1) {
			return fmt.Errorf("badtable: the rate of %q is %v: rates are 0 to 1, and 1 at most together", f, rate)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rates = maps.Clone(r)
	return nil
}

// Script lets the next requests suffer just these faults, None among them, in the order of their arrival. Afterwards
// the rates count again. It replaces what is left of an earlier script.
func (t *Table) Script(faults ...Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.script = faults
}

// Counts returns how many requests have met each fault, and under None how many have met none.
func (t *Table) Counts() map[Fault]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

// draw decides about one request, and returns a number from 0 to 1 for how exactly.
func (t *Table) draw() (Fault, float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	number, how := t.random.Float64(), t.random.Float64()
	fault := None
	if len(t.script) > 0 {
		fault, t.script = t.script[0], t.script[1:]
	} else {
		for _, f := range Kinds {
			if number -= t.rates[f]; number < 0 {
				fault = f
				break
			}
		}
	}
	t.counts[fault]++
	return fault, how
}

// rowOperations are those that are disturbed.
const rowOperations = " GetItem PutItem UpdateItem DeleteItem Query Scan BatchGetItem BatchWriteItem TransactGetItems TransactWriteItems "

// ServeHTTP implements http.Handler.
func (t *Table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fault, how := None, 0.0
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if operation != "" && strings.Contains(rowOperations, " "+operation+" ") {
		fault, how = t.draw()
	} else {
		operation = ""
	}
	switch fault {
	case Throttled:
		refusal(throttles, how).all(w)
	case Failed:
		refusal(failures, how).all(w)
	case Ignored:
		t.hang(r)
	case Unanswered:
		_, _ = t.pass(r.Context(), r, operation, body)
		t.hang(r)
	case Late:
		t.late.Go(func() { t.passLate(r, operation, body) })
		t.hang(r)
	case Lost:
		a, err := t.pass(r.Context(), r, operation, body)
		switch {
		case err != nil || how < 0.4:
			panic(http.ErrAbortHandler) // cuts the connection
		case how < 0.8:
			refusal(failures, (how-0.4)/0.4).all(w)
		default:
			a.write(w, len(a.body)/2)
		}
	case Slow:
		half := time.Duration(how * float64(t.slowness) / 2)
		if !t.wait(r, half) {
			panic(http.ErrAbortHandler)
		}
		a, err := t.pass(r.Context(), r, operation, body)
		if err != nil || !t.wait(r, half) {
			panic(http.ErrAbortHandler)
		}
		a.all(w)
	default:
		a, err := t.pass(r.Context(), r, operation, body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		a.all(w)
	}
}

// passLate passes a request on some time after its client has given up.
func (t *Table) passLate(r *http.Request, operation string, body []byte) {
	<-r.Context().Done()
	t.mu.Lock()
	held := t.held
	t.mu.Unlock()
	delay := time.NewTimer(t.lateness)
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-t.ended.Done():
		return
	}
	if held != nil {
		select {
		case <-held:
		case <-t.ended.Done():
			return
		}
	}
	_, _ = t.pass(t.ended, r, operation, body)
}

// hang waits until the client gives up, or the proxy ends.
func (t *Table) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-t.ended.Done():
	}
	panic(http.ErrAbortHandler)
}

// wait reports whether the client has waited, too.
func (t *Table) wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-t.ended.Done():
	}
	return false
}

// An answer is what the DynamoDB said, byte for byte: SDKs compare it with its checksum.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// pass passes a request on when it is its turn, unless whoever waits has given up by then, and if there is throughput
// for it: an operation on rows needs some.
func (t *Table) pass(waiting context.Context, r *http.Request, operation string, body []byte) (answer, error) {
	select {
	case t.turns <- struct{}{}:
		defer func() { <-t.turns }()
		if err := waiting.Err(); err != nil {
			return answer{}, err
		}
	case <-waiting.Done():
		return answer{}, waiting.Err()
	case <-t.ended.Done():
		return answer{}, t.ended.Err()
	}
	if operation == "" {
		return t.forward(r, body)
	}
	refused, asking, charge := t.throughput.admit(operation, body)
	if refused != nil {
		return *refused, nil
	}
	a, err := t.forward(r, asking)
	if err == nil {
		charge(a)
	}
	return a, err
}

// forward passes a request on, whatever becomes of its client.
func (t *Table) forward(r *http.Request, body []byte) (answer, error) {
	to := *t.endpoint
	to.Path = r.URL.Path
	out, err := http.NewRequestWithContext(t.ended, r.Method, to.String(), strings.NewReader(string(body)))
	if err != nil {
		return answer{}, err
	}
	out.Header = r.Header.Clone()
	out.Host = r.Host // it is signed
	response, err := t.client.Do(out)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, content}, errors.Join(err, t.ended.Err())
}

// write answers with so many bytes of the body. Fewer than there are cut the connection.
func (a answer) write(w http.ResponseWriter, n int) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", fmt.Sprint(len(a.body)))
	w.WriteHeader(a.status)
	_, err := w.Write(a.body[:n])
	if err != nil || n < len(a.body) {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func (a answer) all(w http.ResponseWriter) { a.write(w, len(a.body)) }
