// Package emf writes figures into a log in CloudWatch's embedded metric format, from which CloudWatch makes metrics: no
// call, no agent, no wait
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
// A figure without a label is a metric with the dimension Stack, one with a label has that for a second dimension.
//
// What one invocation has counted is one line. The format takes one value of a dimension in a line, and a hundred of a
// metric: an invocation with posts of two outcomes writes two lines, and one that posts 1,000 times writes ten.
package emf

import (
	"io"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/observe"
)

var _ observe.Meter = (*Meter)(nil)

// Namespace is that of the metrics in CloudWatch.
const Namespace = "Doze"

// SumOver is the time over which a Gauge has to be summed up in CloudWatch to be what there is. Each sweep adds what it
// has counted in its part of the sessions, so much of it as comes often enough.
const SumOver = 5 * time.Minute

// Meter gathers figures and writes them at Flush. Make one with New. It is safe for concurrent use: what several
// invocations of a process have counted at a time is in the line of the one that ends first, each figure once.
type Meter struct {
	out   io.Writer
	stack string
	now   func() time.Time

	mu     sync.Mutex // guards what follows, and that a line is written in one piece
	counts []count
	series []series
	line   []byte
}

// count is a Counter, or a Gauge, by one value of its label.
type count struct {
	figure *observe.Figure
	label  string
	n      float64
}

// series is the values of a Distribution.
type series struct {
	figure *observe.Figure
	values []float64
}

// New returns a Meter for a stack, by its name, which is the dimension Stack of all metrics: 1 to 255 printable ASCII
// characters. Lines go to out, one write each; an error of it loses a line and is ignored, as there is nobody to tell.
// now is time.Now if it is nil.
func New(out io.Writer, stack string, now func() time.Time) *Meter {
	if !observe.IsLabel(stack) {
		stack = observe.Other
	}
	if now == nil {
		now = time.Now
	}
	return &Meter{out: out, stack: stack, now: now}
}

// Count implements observe.Meter. A label that CloudWatch would not take counts as observe.Other.
func (m *Meter) Count(f *observe.Figure, label string, n int) { m.add(f, label, float64(n)) }

// Part implements observe.Meter.
func (m *Meter) Part(f *observe.Figure, label string, _, n int, every time.Duration) {
	m.add(f, label, float64(n)*float64(every)/float64(SumOver))
}

func (m *Meter) add(f *observe.Figure, label string, n float64) {
	if f.Label == "" {
		label = ""
	} else if !observe.IsLabel(label) {
		label = observe.Other
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.counts {
		if c := &m.counts[i]; c.figure == f && c.label == label {
			c.n += n
			return
		}
	}
	m.counts = append(m.counts, count{f, label, n})
}

// Observe implements observe.Meter.
func (m *Meter) Observe(f *observe.Figure, value float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.series {
		if m.series[i].figure == f {
			m.series[i].values = append(m.series[i].values, value)
			return
		}
	}
	m.series = append(m.series, series{f, []float64{value}})
}

// Flush implements observe.Meter: it writes what was counted since the last time, and nothing if that is nothing.
func (m *Meter) Flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.counts) == 0 && len(m.series) == 0 {
		return
	}
	at := m.now()
	for len(m.counts) > 0 || len(m.series) > 0 {
		m.write(at)
		_, _ = m.out.Write(m.line)
	}
}
