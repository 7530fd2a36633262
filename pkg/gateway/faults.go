package gateway

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Faults are what AWS does now and then, as rates from 0 (never) to 1 (always), drawn from the seed.
type Faults struct {
	PostGone          float64 // a post to a live connection is answered 410, and lost
	PostGoneDelivered float64 // a post to a live connection is answered 410, and arrives (https://github.com/aws/aws-sdk-js/issues/3773)
	PostThrottled     float64 // a post is answered 429, and lost
	PostFailed        float64 // a post is answered 500, and lost
	PostHangs         float64 // a post is not answered before its caller gives up, and lost
	EarlyPostArrives  float64 // a post within $connect is answered 410 as always, yet arrives once the connection is open (same source)
	OpenThenGone      float64 // GetConnection finds a connection, and the next post to it is answered 410, and lost (AWS promises no order of the two)

	Killed float64 // a connection breaks without a close frame, after a message of the client was taken

	DisconnectLost    float64       // $disconnect is never invoked: its delivery is best effort
	DisconnectDoubled float64       // it is invoked twice
	DisconnectLate    float64       // it is invoked DisconnectDelay later
	DisconnectDelay   time.Duration // default 30 s

	// SQS delivers at least once, and in its own time.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
	JobDoubled float64       // a job is delivered twice, at the same time
	JobLate    float64       // it is delivered JobDelay later
	JobDelay   time.Duration // default 30 s

	// Max ends the misery after so many faults since New or SetFaults; 0 is no limit. With a rate of 1 it makes exactly
	// the next Max operations fail.
	Max int
}

func (f Faults) check() error {
	for name, rate := range map[string]float64{
		"PostGone": f.PostGone, "PostGoneDelivered": f.PostGoneDelivered, "PostThrottled": f.PostThrottled, "PostFailed": f.PostFailed,
		"PostHangs": f.PostHangs, "EarlyPostArrives": f.EarlyPostArrives, "OpenThenGone": f.OpenThenGone, "Killed": f.Killed, "DisconnectLost": f.DisconnectLost,
		"DisconnectDoubled": f.DisconnectDoubled, "DisconnectLate": f.DisconnectLate,
		"JobDoubled": f.JobDoubled, "JobLate": f.JobLate,
	} {
		if !(rate >= 0 && rate <= 1) {
			return fmt.Errorf("gateway: Faults.%s is %v, but a rate is from 0 to 1", name, rate)
		}
	}
	if f.DisconnectDelay < 0 || f.JobDelay < 0 || f.Max < 0 {
		return fmt.Errorf("gateway: Faults.DisconnectDelay, JobDelay and Max must not be negative")
	}
	return nil
}

// SetFaults replaces the faults to inject from now on, or says which rate is wrong.
func (g *Gateway) SetFaults(f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	g.faults.set(f)
	return nil
}

type faults struct {
	mu       sync.Mutex
	rates    Faults
	left     int // until Max; below 0 is no limit
	injected uint64
	random   *rand.Rand
}

func (f *faults) init(seed uint64, rates Faults) {
	f.random = rand.New(rand.NewPCG(seed, 3))
	f.set(rates)
}

func (f *faults) set(rates Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rates, f.left = rates, rates.Max
	if f.left == 0 {
		f.left = -1
	}
}

// roll decides about one kind of fault. The mutex is held.
func (f *faults) roll(rate float64) bool {
	if rate == 0 || f.left == 0 || f.random.Float64() >= rate {
		return false
	}
	f.left--
	f.injected++
	return true
}

type postFault int

const (
	postFine postFault = iota
	postGone
	postGoneDelivered
	postThrottled
	postFailed
	postHangs
)

func (f *faults) post() postFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r := &f.rates; {
	case f.roll(r.PostGone):
		return postGone
	case f.roll(r.PostGoneDelivered):
		return postGoneDelivered
	case f.roll(r.PostThrottled):
		return postThrottled
	case f.roll(r.PostFailed):
		return postFailed
	case f.roll(r.PostHangs):
		return postHangs
	}
	return postFine
}

func (f *faults) earlyPostArrives() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.roll(f.rates.EarlyPostArrives)
}

func (f *faults) opensThenGone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.roll(f.rates.OpenThenGone)
}

func (f *faults) kills() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.roll(f.rates.Killed)
}

// disconnect returns when $disconnect is to be invoked: never, once or twice.
func (f *faults) disconnect() (delays []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.roll(f.rates.DisconnectLost) {
		return nil
	}
	return f.delays(f.rates.DisconnectLate, f.rates.DisconnectDelay, f.rates.DisconnectDoubled)
}

// job returns how late a job is to be delivered: once or twice.
func (f *faults) job() (delays []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.delays(f.rates.JobLate, f.rates.JobDelay, f.rates.JobDoubled)
}

// delays is for what may come late, or twice. The mutex is held.
func (f *faults) delays(late float64, delay time.Duration, doubled float64) []time.Duration {
	var d time.Duration
	if f.roll(late) {
		d = cmp.Or(delay, 30*time.Second)
	}
	if f.roll(doubled) {
		return []time.Duration{d, d}
	}
	return []time.Duration{d}
}
