package engine

import (
	"context"
	"sync"
	"time"
)

// hintEvery is how often a process repeats a hint. The clients that it is about try again every few seconds.
const hintEvery = time.Minute

// hints are what a log has to say about clients that cannot be served as they are, and when each was last said.
type hints struct {
	mu   sync.Mutex
	said map[string]time.Time
}

// hint logs what to do about some client, unless that was said a moment ago. The text names no client: what differs
// between clients is in args, which are those of slog, and is that of the first one.
func (e *Engine) hint(ctx context.Context, text string, args ...any) {
	now := e.now()
	e.hints.mu.Lock()
	last, said := e.hints.said[text]
	again := said && now.Sub(last) < hintEvery
	if !again {
		if e.hints.said == nil {
			e.hints.said = map[string]time.Time{}
		}
		e.hints.said[text] = now
	}
	e.hints.mu.Unlock()
	if !again {
		e.opt.Logger.WarnContext(ctx, text, args...)
	}
}
