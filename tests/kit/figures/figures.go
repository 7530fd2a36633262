// Package figures keeps what a process counts, for tests to look at.
package figures

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/observe"
)

var _ observe.Meter = (*Meter)(nil)

// Meter is an observe.Meter that forgets nothing. The zero Meter is ready. It is safe for concurrent use.
type Meter struct {
	mu      sync.Mutex
	counts  map[string]int // by name, and by name/label where there is one
	values  map[string][]float64
	flushes int
}

// Count implements observe.Meter.
func (m *Meter) Count(f *observe.Figure, label string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(key(f, label), n)
}

func key(f *observe.Figure, label string) string {
	if label == "" {
		return f.Name
	}
	return f.Name + "/" + label
}

func (m *Meter) add(key string, n int) {
	if m.counts == nil {
		m.counts = map[string]int{}
	}
	m.counts[key] += n
}

// Observe implements observe.Meter.
func (m *Meter) Observe(f *observe.Figure, value float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = map[string][]float64{}
	}
	m.values[f.Name] = append(m.values[f.Name], value)
}

// Part implements observe.Meter. Parts are added up, each time that they are counted.
func (m *Meter) Part(f *observe.Figure, label string, _, n int, _ time.Duration) {
	m.Count(f, label, n)
}

// Flush implements observe.Meter.
func (m *Meter) Flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flushes++
}

// Flushes returns how often Flush was called.
func (m *Meter) Flushes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.flushes
}

// Values returns what was observed of a Distribution, in order.
func (m *Meter) Values(f *observe.Figure) []float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.values[f.Name])
}

// Counts returns what was counted and is not zero, sorted, such as "Connects 1, Posts/ok 3": of the named figures, or
// of all.
func (m *Meter) Counts(of ...*observe.Figure) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, k := range slices.Sorted(maps.Keys(m.counts)) {
		name, _, _ := strings.Cut(k, "/")
		if m.counts[k] != 0 && (len(of) == 0 || slices.ContainsFunc(of, func(f *observe.Figure) bool { return f.Name == name })) {
			all = append(all, fmt.Sprint(k, " ", m.counts[k]))
		}
	}
	return strings.Join(all, ", ")
}
