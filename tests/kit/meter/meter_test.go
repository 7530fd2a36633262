package meter

import (
	"testing"
	"time"
)

func TestRoundTrips(t *testing.T) {
	at := func(begin, end int) Call {
		return Call{Begin: time.UnixMilli(int64(begin)), End: time.UnixMilli(int64(end))}
	}
	for _, c := range []struct {
		name  string
		calls Calls
		want  int
	}{
		{"none", nil, 0},
		{"one after the other", Calls{at(0, 10), at(10, 20), at(21, 30)}, 3},
		{"together", Calls{at(0, 10), at(1, 11), at(2, 12)}, 1},
		{"two beside a long one", Calls{at(0, 10), at(12, 20), at(0, 30)}, 2},
		{"one, two together, one", Calls{at(0, 10), at(11, 22), at(11, 21), at(23, 30)}, 3},
		{"in the order of their ends or not", Calls{at(21, 30), at(0, 10), at(10, 20)}, 3},
	} {
		if got := c.calls.RoundTrips(); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestBrowserSendsWhatWasAskedFor(t *testing.T) {
	size := 0
	header := Browser("http://127.0.0.1:3000", 2048)
	for i := 0; i < len(header); i += 2 {
		size += len(header[i]) + len(": ") + len(header[i+1]) + len("\r\n")
	}
	if size != 2048 {
		t.Errorf("%d bytes of headers, want 2048", size)
	}
}
