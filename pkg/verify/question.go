package verify

import (
	"context"
	"fmt"
)

// Verdict is what became of a question.
type Verdict string

// The verdicts. Unknown is a question that could not be asked, or was not answered in time.
const (
	OK      Verdict = "ok"
	Differs Verdict = "differs"
	Unknown Verdict = "unknown"
)

// Question looks at one fact.
type Question struct {
	ID       string // such as "websocket.open"; stays the same from version to version
	Title    string // the fact, in a line
	Expected string
	Why      string // what it is for, and where it is known from

	Must      bool // Doze depends on it: a verdict of Differs fails the whole
	Namespace bool // it needs the package counterpart
	Long      bool // asked with Options.Long only: it takes as long as twenty pings
	Flood     bool // asked with Options.Flood only: it costs money and disturbs others
	Alongside bool // it does little but wait, and runs beside the others

	ask func(context.Context, *deployment) (Finding, error)
}

// Finding is what a question saw. Neither the text nor the names of figures hold a sid.
type Finding struct {
	Verdict Verdict
	Seen    string
	Figures map[string]float64 // by name, which ends in its unit: "p50_ms", "bytes", "frames"
}

// with adds figures.
func (f Finding) with(figures map[string]float64) Finding {
	f.Figures = figures
	return f
}

// found returns a finding: OK where the fact holds.
func found(holds bool, format string, args ...any) Finding {
	f := Finding{Verdict: Differs, Seen: fmt.Sprintf(format, args...)}
	if holds {
		f.Verdict = OK
	}
	return f
}

// differs is for what should have come and did not.
func differs(format string, args ...any) Finding { return found(false, format, args...) }
