package observe

import "time"

// Meter takes figures. It is called on the path of every event, so its methods neither block nor fail. It is safe for
// concurrent use, and keeps no label that it is given beyond the bounded number that a figure has.
type Meter interface {
	// Count adds n to a Counter. The label is empty for a figure that has none.
	Count(f *Figure, label string, n int)
	// Observe adds one value to a Distribution, in the figure's unit.
	Observe(f *Figure, value float64)
	// Part says how much one part of a Gauge has, in place of what was said of that part before. Every part is counted
	// once in the given time.
	Part(f *Figure, label string, part, n int, every time.Duration)
	// Flush is called when an invocation is over, before its response is given, and once more when what it left for
	// after the response is done. What was counted until then should be on its way when Flush returns.
	Flush()
}

// Discard is a Meter that forgets everything.
var Discard Meter = discard{}

type discard struct{}

func (discard) Count(*Figure, string, int)                    {}
func (discard) Observe(*Figure, float64)                      {}
func (discard) Part(*Figure, string, int, int, time.Duration) {}
func (discard) Flush()                                        {}

// Since returns the time from one moment to another in milliseconds, as a Distribution has it: zero when a clock has
// gone back, or is another process's.
func Since(from, to time.Time) float64 {
	return float64(max(0, to.Sub(from))) / float64(time.Millisecond)
}
