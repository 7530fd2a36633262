package engine

import (
	"fmt"
	"time"
)

// checkNumbers returns an error that names the first number that cannot be, what it is, and what to write. The defaults
// are filled in.
func (o *Options) checkNumbers() error {
	for _, d := range []struct {
		name  string
		value time.Duration
		most  time.Duration // 0: any
		never bool          // below zero is that
	}{
		{name: "PingInterval", value: o.PingInterval, most: maxDelay},
		{name: "PingTimeout", value: o.PingTimeout, most: maxDelay},
		{name: "ConnectTimeout", value: o.ConnectTimeout, never: true},
		{name: "UpgradeTimeout", value: o.UpgradeTimeout},
		{name: "PollWait", value: o.PollWait},
		{name: "MaxAge", value: o.MaxAge},
	} {
		switch {
		case d.value < 0 && d.never:
		case d.value < 0:
			return fmt.Errorf("engine: %s is %v: write at least a millisecond, or zero for its default", d.name, d.value)
		case d.value < time.Millisecond: // most likely a number without a unit
			return fmt.Errorf("engine: %s is %v: write at least a millisecond, with a unit, such as %d * time.Millisecond or 25 * time.Second, or zero for its default",
				d.name, d.value, d.value)
		case d.most > 0 && d.value > d.most:
			return fmt.Errorf("engine: %s is %v: write at most %v, which is the longest time that Doze sets a timer for", d.name, d.value, d.most)
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{
		{"MaxPayload", o.MaxPayload}, {"MaxMessage", o.MaxMessage}, {"Polls", o.Polls},
	} {
		if n.value < 0 {
			return fmt.Errorf("engine: %s is %d: write at least 1, or zero for its default", n.name, n.value)
		}
	}
	return nil
}
