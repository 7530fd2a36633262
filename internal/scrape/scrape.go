// Package scrape keeps the figures of one process, and serves them in Prometheus's format.
package scrape

import (
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dozeio/doze/pkg/observe"
)

// Path is where a server in one process is asked.
const Path = "/metrics"

var _ observe.Meter = (*Meter)(nil)

// Meter keeps figures until they are asked for. Make one with New. It is safe for concurrent use. A figure without a
// label is there from the start, at zero; one with a label has a line for each value that has come.
type Meter struct {
	registry   *prometheus.Registry
	counters   map[*observe.Figure]*prometheus.CounterVec
	histograms map[*observe.Figure]prometheus.Histogram
	gauges     map[*observe.Figure]*prometheus.GaugeVec

	mu    sync.Mutex // guards parts
	parts map[part]int
}

// part is one part of a gauge.
type part struct {
	figure *observe.Figure
	label  string
	n      int
}

// The upper bounds of what a histogram tells apart: seconds, and how many.
var (
	seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	many    = []float64{0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000}
)

// New returns a Meter with all figures, and those of Go and of the process.
func New() *Meter {
	m := &Meter{
		registry: prometheus.NewRegistry(), counters: map[*observe.Figure]*prometheus.CounterVec{},
		histograms: map[*observe.Figure]prometheus.Histogram{}, gauges: map[*observe.Figure]*prometheus.GaugeVec{}, parts: map[part]int{},
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, f := range observe.Figures {
		var labels []string
		if f.Label != "" {
			labels = []string{snake(f.Label)}
		}
		switch f.Kind {
		case observe.Counter:
			m.counters[f] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: name(f), Help: f.Help}, labels)
			m.registry.MustRegister(m.counters[f])
			if f.Label == "" {
				m.counters[f].WithLabelValues()
			}
		case observe.Gauge:
			m.gauges[f] = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name(f), Help: f.Help}, labels)
			m.registry.MustRegister(m.gauges[f])
		case observe.Distribution:
			buckets := many
			if f.Unit == observe.Milliseconds {
				buckets = seconds
			}
			m.histograms[f] = prometheus.NewHistogram(prometheus.HistogramOpts{Name: name(f), Help: f.Help, Buckets: buckets})
			m.registry.MustRegister(m.histograms[f])
		}
	}
	return m
}

// name returns what Prometheus calls a figure: PostTime is doze_post_time_seconds, Posts is doze_posts_total.
func name(f *observe.Figure) string {
	name := "doze_" + snake(f.Name)
	switch {
	case f.Kind == observe.Counter:
		name += "_total"
	case f.Unit == observe.Milliseconds:
		name += "_seconds"
	}
	return name
}

func snake(s string) string {
	var b strings.Builder
	for i, c := range s {
		if i > 0 && unicode.IsUpper(c) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// Count implements observe.Meter.
func (m *Meter) Count(f *observe.Figure, label string, n int) {
	if c := m.counters[f]; f.Label != "" {
		c.WithLabelValues(label).Add(float64(n))
	} else {
		c.WithLabelValues().Add(float64(n))
	}
}

// Observe implements observe.Meter.
func (m *Meter) Observe(f *observe.Figure, value float64) {
	if f.Unit == observe.Milliseconds {
		value /= float64(time.Second / time.Millisecond)
	}
	m.histograms[f].Observe(value)
}

// Part implements observe.Meter.
func (m *Meter) Part(f *observe.Figure, label string, n, value int, _ time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := part{f, label, n}
	m.gauges[f].WithLabelValues(label).Add(float64(value - m.parts[p]))
	m.parts[p] = value
}

// Flush implements observe.Meter. Figures wait to be asked for.
func (m *Meter) Flush() {}

// Handler serves the figures, and, where it is cheap to ask, how many sockets and rooms there are at the moment. It is
// to be called once.
func (m *Meter) Handler(now func() (sockets, rooms int), cheap bool) http.Handler {
	if cheap {
		m.registry.MustRegister(
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "doze_sockets", Help: "sockets that are connected, of all namespaces"},
				func() float64 { n, _ := now(); return float64(n) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "doze_rooms", Help: "rooms that have members, of all namespaces"},
				func() float64 { _, n := now(); return float64(n) }))
	}
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
