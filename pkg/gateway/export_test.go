package gateway

// Running returns how many invocations have not ended, of the functions without a reservation. One ends a moment after
// its answer is there, as on Lambda.
func (g *Gateway) Running() int {
	g.functions.mu.Lock()
	defer g.functions.mu.Unlock()
	return g.functions.busy
}
