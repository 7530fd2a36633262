package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dozeio/doze/internal/instrument"
)

// serverStats is what the page gets with each tick.
type serverStats struct {
	ServerID            string                  `json:"serverId"`
	Hostname            string                  `json:"hostname"`
	PID                 int                     `json:"pid"`
	Uptime              float64                 `json:"uptime"` // seconds
	ClientsCount        int                     `json:"clientsCount"`
	PollingClientsCount int                     `json:"pollingClientsCount"`
	AggregatedEvents    []aggregatedEvent       `json:"aggregatedEvents"`
	Namespaces          []instrument.Population `json:"namespaces"`
}

// aggregatedEvent is what has happened within a second.
type aggregatedEvent struct {
	Timestamp int64  `json:"timestamp"` // of the second, in milliseconds
	Type      string `json:"type"`
	SubType   string `json:"subType,omitempty"`
	Count     int    `json:"count"`
}

// Of the namespaces the page is told of so many, the fullest, and of so many bytes of names as JSON has them: names are a
// client's where OfFunc takes any, the mark has them all, and each KiB of it is a write.
const (
	maxNamespaces     = 100
	maxNamespaceBytes = 8 << 10
)

// fullest returns the namespaces with the most sockets, as far as they fit: all of them in their own order, or else the
// fullest first.
func fullest(all []instrument.Population) []instrument.Population {
	count, size := 0, 0
	tooMuch := func(one instrument.Population) bool {
		n := jsonSize(one.Name)
		if count == maxNamespaces || size+n > maxNamespaceBytes {
			return true
		}
		count, size = count+1, size+n
		return false
	}
	if !slices.ContainsFunc(all, tooMuch) {
		return all
	}
	all = slices.SortedStableFunc(slices.Values(all), func(a, b instrument.Population) int { return cmp.Compare(b.SocketsCount, a.SocketsCount) })
	count, size = 0, 0
	return slices.DeleteFunc(all, tooMuch)
}

func jsonSize(text string) int {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text
	}
	return len(b)
}

// unitsASecond is what counting everybody may read. More clients are counted less often. A count that takes longer than
// countFor is given up, and not begun again for failedPause.
const (
	unitsASecond = 10
	countFor     = 3 * time.Second
	failedPause  = 5 * time.Minute
)

// census counts everybody, unless that was done, or tried, a moment ago. When it cannot, the last one stands.
func (a *admin) census(ctx context.Context, m *mark) {
	now := a.server.Now()
	if now.UnixMilli() < m.CountAt {
		return
	}
	c, err := a.server.Count(ctx, countFor)
	if err != nil {
		m.CountAt = now.Add(failedPause).UnixMilli()
		a.server.Logger().WarnContext(ctx, "the clients could not be counted for the admin page", "next in", failedPause, "error", err)
		return
	}
	if shown := fullest(c.Namespaces); len(shown) < len(c.Namespaces) {
		a.server.Logger().WarnContext(ctx, "the admin page is told of the fullest namespaces only", "left out", len(c.Namespaces)-len(shown))
		c.Namespaces = shown
	}
	m.Census, m.CountAt = &c, now.Add(time.Duration(c.Read)*time.Second/unitsASecond).UnixMilli()
}

func (a *admin) sendStats(ctx context.Context, m mark) error {
	counts := a.takeCounts() // this process's own; the others have left theirs in the table
	left, err := a.server.Notes().TakeCounts(ctx, a.key("counts"))
	if err != nil {
		a.giveBack(counts)
		return err
	}
	for key, n := range left {
		counts[key] += n
	}
	stats := serverStats{
		ServerID: a.o.ServerID, Hostname: a.o.Hostname, PID: a.o.PID,
		Uptime:           a.server.Now().Sub(time.UnixMilli(m.Since)).Seconds(),
		AggregatedEvents: aggregated(counts),
		Namespaces:       []instrument.Population{},
	}
	if m.Census != nil {
		stats.ClientsCount, stats.PollingClientsCount, stats.Namespaces = m.Census.Clients, m.Census.Polling, m.Census.Namespaces
	}
	a.toPages(ctx, []instrument.Event{{Name: "server_stats", Args: []any{stats}}}, 0)
	return nil
}

// A count has the key TIMESTAMP;TYPE;SUBTYPE, as Node's buffer has it.
func countKey(at time.Time, kind, subKind string) string {
	return strconv.FormatInt(at.Truncate(time.Second).UnixMilli(), 10) + ";" + kind + ";" + subKind
}

// aggregated returns counts in the order of their times.
func aggregated(counts map[string]int) []aggregatedEvent {
	all := []aggregatedEvent{}
	for key, n := range counts {
		at, rest, _ := strings.Cut(key, ";")
		kind, subKind, _ := strings.Cut(rest, ";")
		if ms, err := strconv.ParseInt(at, 10, 64); err == nil {
			all = append(all, aggregatedEvent{ms, kind, subKind, n})
		}
	}
	slices.SortFunc(all, func(a, b aggregatedEvent) int {
		return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), strings.Compare(a.Type, b.Type), strings.Compare(a.SubType, b.SubType))
	})
	return all
}

// Counted implements instrument.Watcher.
func (a *admin) Counted(_ context.Context, kind, subKind string, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if looked, ok := a.known(); n == 0 || ok && !looked {
		return
	}
	a.counts[countKey(a.server.Now(), kind, subKind)] += n
}

func (a *admin) takeCounts() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	counts := a.counts
	a.counts = map[string]int{}
	return counts
}

func (a *admin) giveBack(counts map[string]int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, n := range counts {
		a.counts[key] += n
	}
}

// A process writes its counts at the end of an invocation, but not more often than every writeEvery: all write to one
// row, which takes 1,000 writes a second, and so has room for 2,000 processes, twice as many as an account may have at
// first. More rows would each cost a write for each tick, which takes them. Counts of a process that is never invoked
// again are lost.
const (
	writeEvery = tickEvery
	countsLife = time.Minute
)

// writeCounts leaves this process's counts to the tick.
func (a *admin) writeCounts(ctx context.Context) {
	now := a.server.Now()
	a.mu.Lock()
	soon := now.Before(a.counted.Add(writeEvery)) && !a.counted.After(now)
	if !soon && len(a.counts) > 0 {
		a.counted = now
	}
	a.mu.Unlock()
	if soon {
		return
	}
	counts := a.takeCounts()
	if len(counts) == 0 {
		return
	}
	// After an error they may be written: once more would double them.
	if err := a.server.Notes().AddCounts(ctx, a.key("counts"), counts, now.Add(countsLife)); err != nil {
		a.server.Logger().WarnContext(ctx, "what the admin page counts could not be written", "error", why(ctx, err))
	}
}
