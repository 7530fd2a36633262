package verify

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"
)

// Format is the version of the report's JSON: it changes when a field changes its meaning or goes.
const Format = 1

// Report is what was asked, and what was seen. It is the JSON that doze verify writes, and holds no sid.
type Report struct {
	Format    int       `json:"format"`
	Doze      string    `json:"doze"` // version or commit of the program that asked
	Date      time.Time `json:"date"`
	Host      string    `json:"host"`
	WebSocket string    `json:"webSocketHost"`
	OneOrigin bool      `json:"oneOrigin"`
	Namespace bool      `json:"namespace"` // the deployment has the counterpart

	Requests int64 `json:"requests"` // HTTP requests
	Sent     int64 `json:"sent"`     // WebSocket messages
	Received int64 `json:"received"`

	Facts []Fact `json:"facts"`
}

// Fact is a question with its answer.
type Fact struct {
	ID       string             `json:"id"`
	Title    string             `json:"title"`
	Expected string             `json:"expected"`
	Must     bool               `json:"must"` // Doze depends on it
	Verdict  Verdict            `json:"verdict"`
	Seen     string             `json:"seen"`
	Figures  map[string]float64 `json:"figures,omitempty"`
	Took     float64            `json:"took_s"`
	Why      string             `json:"why"`
}

func fact(q Question, f Finding, took time.Duration) Fact {
	return Fact{q.ID, q.Title, q.Expected, q.Must, f.Verdict, f.Seen, f.Figures, float64(took.Milliseconds()) / 1000, q.Why}
}

func newReport(d *deployment) Report {
	return Report{Format: Format, Doze: Version(), Date: d.o.Now().UTC(), Host: d.page.Host, WebSocket: d.websocket.Host, OneOrigin: d.oneOrigin}
}

// Version returns that of this program, such as v1.2.3, or else the commit that it was built from, or else "unknown".
func Version() string {
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := b.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range b.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "unknown"
}

// Failed returns the facts that differ and on which Doze depends.
func (r Report) Failed() (all []Fact) {
	for _, f := range r.Facts {
		if f.Must && f.Verdict == Differs {
			all = append(all, f)
		}
	}
	return all
}

// Print writes the report for people: a table, and what the facts that differ are for.
func (r Report) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tfact\texpected\tseen")
	for _, f := range r.Facts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Verdict, f.ID, f.Expected, f.Seen)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var more strings.Builder
	counts := map[Verdict]int{}
	for _, f := range r.Facts {
		counts[f.Verdict]++
		if f.Verdict == Differs {
			depends := "Doze does not depend on it."
			if f.Must {
				depends = "Doze depends on it."
			}
			fmt.Fprintf(&more, "\n%s differs: %s. %s %s\n", f.ID, f.Title, f.Why, depends)
		}
	}
	fmt.Fprintf(&more, "\n%d ok, %d differ, %d unknown; %d requests, %d messages sent, %d received\n",
		counts[OK], counts[Differs], counts[Unknown], r.Requests, r.Sent, r.Received)
	if !r.Namespace {
		more.WriteString("\nThe deployment lacks the namespace that most questions need. Deploy it with the parameter Verify=yes (sam deploy\n" +
			"--parameter-overrides Verify=yes), or run doze dev -verify, ask again, and take it away afterwards.\n")
	}
	_, err := io.WriteString(out, more.String())
	return err
}
