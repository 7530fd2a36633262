package emf_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/observe/emf"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.UTC)

// summed returns what CloudWatch would have of all lines: sums and values by metric, and how many lines there are.
func summed(t *testing.T, log []byte) (all map[string][]float64, lines int) {
	t.Helper()
	all = map[string][]float64{}
	for line := range bytes.Lines(log) {
		lines++
		metrics, err := read(line)
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		for _, m := range metrics {
			key := m.name + " " + m.dimensions
			all[key] = append(all[key], m.values...)
		}
	}
	return all, lines
}

// TestALineIsAnInvocation shows a line of an event that was emitted to two, byte by byte: what it costs is its length.
func TestALineIsAnInvocation(t *testing.T) {
	var log bytes.Buffer
	m := emf.New(&log, "doze", func() time.Time { return at })
	m.Observe(observe.PostTime, 4.256)
	m.Observe(observe.PostTime, 7)
	m.Observe(observe.Recipients, 2)
	m.Count(observe.Posts, "ok", 1)
	m.Count(observe.Posts, "ok", 1)
	m.Count(observe.Events, "say", 1)
	m.Count(observe.HandlerErrors, "", 1)
	m.Flush()
	want := `{"level":"INFO","timestamp":"2026-03-01T12:00:00.005Z","_aws":{"Timestamp":1772366400005,"CloudWatchMetrics":[` +
		`{"Namespace":"Doze","Dimensions":[["Stack"]],"Metrics":[{"Name":"HandlerErrors","Unit":"Count"},{"Name":"PostTime","Unit":"Milliseconds"},{"Name":"Recipients","Unit":"Count"}]},` +
		`{"Namespace":"Doze","Dimensions":[["Stack","Outcome"]],"Metrics":[{"Name":"Posts","Unit":"Count"}]},` +
		`{"Namespace":"Doze","Dimensions":[["Stack","Event"]],"Metrics":[{"Name":"Events","Unit":"Count"}]}]},` +
		`"Stack":"doze","Outcome":"ok","Event":"say","Posts":2,"Events":1,"HandlerErrors":1,"PostTime":[4.26,7],"Recipients":2}` + "\n"
	if log.String() != want {
		t.Errorf("got  %swant %s", log.String(), want)
	}
	if _, err := read(log.Bytes()); err != nil {
		t.Error(err)
	}
	m.Flush()
	if log.String() != want {
		t.Errorf("nothing was counted, and this is written: %s", log.String()[len(want):])
	}
}

// TestLinesAreValidWhateverIsCounted counts at random, and adds up what CloudWatch would read: each line is valid, and
// nothing is lost or doubled.
func TestLinesAreValidWhateverIsCounted(t *testing.T) {
	odd := []string{"ok", `quoted "\`, "", " ", " a", "ünicode", "line\nbreak", "\x00", strings.Repeat("a", 255), strings.Repeat("a", 256), "\xff", observe.Other}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		var log bytes.Buffer
		m := emf.New(&log, odd[r.IntN(len(odd))], func() time.Time { return at })
		want := map[string]float64{}
		for range r.IntN(400) {
			f := observe.Figures[r.IntN(len(observe.Figures))]
			label, n := odd[r.IntN(len(odd))], r.IntN(5)
			valid := label
			if !observe.IsLabel(label) {
				valid = observe.Other
			}
			if f.Label != "" {
				valid = " " + f.Label + "=" + valid
			} else {
				valid = ""
			}
			switch f.Kind {
			case observe.Counter:
				m.Count(f, label, n)
			case observe.Gauge:
				m.Part(f, label, r.IntN(16), n, emf.SumOver)
			case observe.Distribution:
				valid = ""
				m.Observe(f, float64(n))
			}
			want[f.Name+valid] += float64(n)
		}
		m.Flush()
		got := map[string]float64{}
		all, _ := summed(t, log.Bytes())
		for key, values := range all {
			name, dimensions, _ := strings.Cut(key, " Stack=")
			label := ""
			for _, l := range []string{" Transport=", " Reason=", " Event=", " Outcome="} {
				if _, value, ok := strings.Cut(dimensions, l); ok {
					label = l + value
				}
			}
			for _, v := range values {
				got[name+label] += v
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("seed %d: got %v\nwant %v\n%s", seed, got, want, log.String())
		}
	}
}

// TestALineHoldsWhatTheFormatTakes posts to more than a line has room for.
func TestALineHoldsWhatTheFormatTakes(t *testing.T) {
	for _, c := range []struct{ posts, outcomes, lines int }{{1, 1, 1}, {100, 1, 1}, {101, 1, 2}, {1000, 1, 10}, {1000, 3, 10}, {3, 3, 3}} {
		var log bytes.Buffer
		m := emf.New(&log, "doze", nil)
		for i := range c.posts {
			m.Count(observe.Posts, fmt.Sprint("outcome ", i%c.outcomes), 1)
			m.Observe(observe.PostTime, 1)
		}
		m.Flush()
		all, lines := summed(t, log.Bytes())
		if n := len(all["PostTime Stack=doze"]); n != c.posts || lines != c.lines {
			t.Errorf("%+v: %d lines with %d times", c, lines, n)
		}
	}
}

// TestASweepOfAnyIntervalAddsUpToWhatThereIs sums up five minutes, as CloudWatch does, of 16 parts with 10 each.
func TestASweepOfAnyIntervalAddsUpToWhatThereIs(t *testing.T) {
	for _, every := range []time.Duration{25 * time.Second, time.Minute, 5 * time.Minute} {
		var log bytes.Buffer
		m := emf.New(&log, "doze", nil)
		for range emf.SumOver / every {
			for part := range 16 {
				m.Part(observe.Sessions, "polling", part, 10, every)
				m.Flush()
			}
		}
		all, _ := summed(t, log.Bytes())
		sum := 0.0
		for _, v := range all["Sessions Stack=doze Transport=polling"] {
			sum += v
		}
		if math.Abs(sum-160) > 1 {
			t.Errorf("every %v: %v", every, sum)
		}
	}
}

// TestInvocationsAtATimeLoseNothing flushes while others count.
func TestInvocationsAtATimeLoseNothing(t *testing.T) {
	var log bytes.Buffer
	m := emf.New(&log, "doze", nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				m.Count(observe.Connects, "", 1)
				m.Observe(observe.EventTime, math.Inf(1))
				m.Flush()
			}
		})
	}
	wg.Wait()
	all, _ := summed(t, log.Bytes())
	sum := 0.0
	for _, v := range all["Connects Stack=doze"] {
		sum += v
	}
	if sum != 1600 || len(all["EventTime Stack=doze"]) != 1600 {
		t.Error(sum, len(all["EventTime Stack=doze"]))
	}
}

// TestFiguresAreDistinct looks for names that would meet in a line, where each is a member beside the others.
func TestFiguresAreDistinct(t *testing.T) {
	seen := map[string]bool{"Stack": true, "_aws": true, "level": true, "timestamp": true}
	labels := map[string]bool{}
	for _, f := range observe.Figures {
		if seen[f.Name] || f.Help == "" || !observe.IsLabel(f.Name) || f.Kind == observe.Distribution && f.Label != "" {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
		labels[f.Label] = true
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if seen[label] {
			t.Errorf("%q is a label and a figure", label)
		}
	}
}

// TestTheCheckerRefuses gives the checker what CloudWatch refuses.
func TestTheCheckerRefuses(t *testing.T) {
	line := func(directive, members string) string {
		return `{"_aws":{"Timestamp":1772366400005,"CloudWatchMetrics":[` + directive + `]}` + members + `}`
	}
	good := `{"Namespace":"Doze","Dimensions":[["Stack"]],"Metrics":[{"Name":"A","Unit":"Count"}]}`
	if _, err := read([]byte(line(good, `,"Stack":"doze","A":1`))); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		line(good, `,"Stack":"doze"`), line(good, `,"A":1`), line(good, `,"Stack":1,"A":1`), line(good, `,"Stack":" ","A":1`),
		line(good, `,"Stack":"doze","A":"1"`), line(good, `,"Stack":"doze","A":[]`), line(good, `,"Stack":"doze","A":[1`+strings.Repeat(",1", 100)+`]`),
		line(good, `,"Stack":"doze","A":1,"A":2`), line("", ""), line(good, `,"Stack":"doze","A":1`)[1:],
		line(strings.Replace(good, "Count", "Things", 1), `,"Stack":"doze","A":1`),
		line(strings.Replace(good, "Doze", "", 1), `,"Stack":"doze","A":1`),
		line(strings.Replace(good, `"Unit":"Count"`, `"Unit":"Count","X":1`, 1), `,"Stack":"doze","A":1`),
		line(strings.Replace(good, `[["Stack"]]`, `[]`, 1), `,"Stack":"doze","A":1`),
		strings.Replace(line(good, `,"Stack":"doze","A":1`), "1772366400005", "1772366400", 1),
		strings.Replace(line(good, `,"Stack":"doze","A":1`), "1772366400005", "1772366400005.5", 1),
	} {
		if _, err := read([]byte(bad)); err == nil {
			t.Errorf("taken: %s", bad)
		}
	}
}
