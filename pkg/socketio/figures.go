package socketio

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/dozeio/doze/pkg/observe"
)

// maxEventLabels is how many events have a figure of their own: each is a metric that is paid for.
const maxEventLabels = 20

// eventLabels returns the names by which events are counted: those that have a handler, in whatever namespace, and a
// name that can be a label. Where they are too many, the first of the alphabet have one, so that all functions of a
// deployment agree. What clients call their events makes no difference.
func (s *Server) eventLabels() map[string]string {
	names := map[string]bool{}
	add := func(r *registered) {
		for name := range r.handlers {
			if observe.IsLabel(name) && name != observe.Other {
				names[name] = true
			}
		}
	}
	for _, n := range s.namespaces {
		add(n.registered)
	}
	for _, p := range s.dynamic.parents {
		add(p.registered)
	}
	labels := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(names))[:min(len(names), maxEventLabels)] {
		labels[name] = name
	}
	return labels
}

// countEvent counts an event that began at a time.
func (s *Server) countEvent(name string, began time.Time) {
	label, ok := s.events[name]
	if !ok {
		label = observe.Other
	}
	s.meter.Count(observe.Events, label, 1)
	s.meter.Observe(observe.EventTime, observe.Since(began, s.now()))
}

// countFailure counts what is an error of the application by its level in the log.
func (s *Server) countFailure(level slog.Level) {
	if level >= slog.LevelError {
		s.meter.Count(observe.HandlerErrors, "", 1)
	}
}
