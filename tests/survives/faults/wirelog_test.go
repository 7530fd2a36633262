//go:build full

package faults

import (
	"regexp"
	"strings"
	"sync"
	"testing"
)

// wireLog is written to by a slog.TextHandler, a line at a time. It keeps each word that may hold a sid, with a line
// that it stands in, and how often each message came.
type wireLog struct {
	mu     sync.Mutex
	words  map[string]string
	counts map[string]int
	panics []string
	bytes  int
}

// sidSize is the length of a sid: 144 bits in base64.
const sidSize = 24

var (
	mayHoldSID      = regexp.MustCompile(`[A-Za-z0-9_-]{24,}`)
	levelAndMessage = regexp.MustCompile(`level=(\S+) msg=("[^"]*"|\S+)`)
)

func (l *wireLog) Write(p []byte) (int, error) {
	line := string(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes += len(p)
	message := strings.Join(levelAndMessage.FindStringSubmatch(line)[1:], " ")
	l.counts[message]++
	if strings.Contains(message, "panic") || strings.Contains(line, "runtime error") || strings.Contains(line, "goroutine ") {
		l.panics = append(l.panics, line)
	}
	for _, word := range mayHoldSID.FindAllString(line, -1) {
		l.words[word] = line
	}
	return len(p), nil
}

// check expects no panic and no sid in any line.
func (l *wireLog) check(t *testing.T, sids *secrets) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.panics {
		t.Errorf("logged: %s", line)
	}
	if len(sids.all) == 0 && *wireSessions > 20 {
		t.Error("no session has been opened")
	}
	known := map[string]bool{}
	for _, sid := range sids.all {
		if len(sid) != sidSize {
			t.Fatalf("a sid has %d characters", len(sid))
		}
		known[sid] = true
	}
	for word, line := range l.words {
		for i := range len(word) - sidSize + 1 { // it may stand in a longer one, as it does in a row's address
			if known[word[i:i+sidSize]] {
				t.Errorf("a sid was logged: %s", line)
			}
		}
	}
}
