package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"sync/atomic"
	"time"
)

// every is the time between two reports: people see no more, and each is an invocation.
const every = 250 * time.Millisecond

// opener opens what a task is about. The size is 0 or less when nobody knows it.
type opener func(ctx context.Context, place string) (_ io.ReadCloser, size int64, err error)

// run does a task, reports on it until it ends, and returns the SHA-256 as those who watch get it. The error is the
// task's, or an *unreported.
func run(ctx context.Context, q queue, t task, open opener) (sum string, err error) {
	p := &progress{job: t.Job}
	reporting, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		p.tell(reporting, q)
	}()
	sum, err = p.checksum(ctx, t.URL, open)
	stop()
	<-stopped // the last report is the last
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	last := p.report(done)
	if last.Result = sum; err != nil {
		last.State, last.Error = failed, "the file could not be read"
		if ctx.Err() != nil {
			last.Error = "the job was ended early"
		}
	}
	return sum, errors.Join(err, finish(ctx, q, last))
}

// progress is how far a task is.
type progress struct {
	job         string
	done, total atomic.Int64
}

// Write counts what has been read.
func (p *progress) Write(b []byte) (int, error) {
	p.done.Add(int64(len(b)))
	return len(b), nil
}

func (p *progress) report(state string) report {
	return report{Job: p.job, At: time.Now().UnixMicro(), State: state, Done: p.done.Load(), Total: p.total.Load()}
}

func (p *progress) checksum(ctx context.Context, place string, open opener) (string, error) {
	body, size, err := open(ctx, place)
	if err != nil {
		return "", err
	}
	defer body.Close()
	p.total.Store(max(0, size))
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(sum, p), reader{ctx, body}); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// reader ends with ctx, as a file does not by itself.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// tell reports at once and then as far as there is something new, until ctx ends. A report that cannot be sent is
// logged: the work goes on, and the next one says more.
func (p *progress) tell(ctx context.Context, q queue) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for told := int64(-1); ; {
		if r := p.report(running); r.Done != told {
			if err := send(ctx, q, r, 0); err != nil && ctx.Err() == nil {
				log.Print(p.job, ": ", err)
			}
			told = r.Done
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
