package engine

import "context"

type yieldKey struct{}

// WithYield returns a context for Engine.Frame, where frames of a connection are handled one after the other: yield lets
// the next one be handled although this one is not done. It may be called more than once, and concurrently.
func WithYield(ctx context.Context, yield func()) context.Context {
	return context.WithValue(ctx, yieldKey{}, yield)
}

// Yields reports whether Yield has an effect.
func (v *Invocation) Yields() bool { return v.ctx.Value(yieldKey{}) != nil }

// Yield lets the connection's next frame be handled, for who waits for what is in one of them; see WithYield.
func (v *Invocation) Yield() {
	if yield, ok := v.ctx.Value(yieldKey{}).(func()); ok {
		yield()
	}
}
