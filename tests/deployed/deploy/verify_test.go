//go:build full

package main

import (
	"slices"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/verify"
)

// kinder are the facts in which MiniStack is not as AWS is: it takes any path, refuses with a status of its own, knows
// no limits of sizes, takes binary frames and any close code, and compresses.
var kinder = []string{
	"close.5000", "frame.binary", "frame.over", "message.over", "websocket.deflate", "websocket.path", "websocket.unknown-sid",
}

// testVerify asks the deployed stack what doze verify asks, a few times each. Each difference from what is expected of
// AWS is one of MiniStack's that is known.
func testVerify(t *testing.T, address string) {
	r, err := verify.Run(t.Context(), verify.Options{URL: address, Rounds: 3, Clients: 3, Quiet: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var differing []string
	for _, f := range r.Facts {
		switch {
		case f.Verdict == verify.Differs:
			differing = append(differing, f.ID)
			if !slices.Contains(kinder, f.ID) {
				t.Errorf("%s: %s, want %s", f.ID, f.Seen, f.Expected)
			}
		case f.Verdict == verify.Unknown && !slices.Contains([]string{"frontdoor.websocket", "heartbeat", "throttle"}, f.ID):
			t.Errorf("%s: %s", f.ID, f.Seen)
		}
	}
	slices.Sort(differing)
	if !slices.Equal(differing, kinder) {
		t.Errorf("MiniStack differs in %q, want %q", differing, kinder)
	}
}
