package keylimit_test

import (
	"slices"
	"testing"
	"time"

	"github.com/dozeio/doze/tests/kit/keylimit"
)

var begin = time.Unix(1_800_000_000, 0)

// taken is how many single units a key gives at a time of day.
func taken(l *keylimit.Limit, key string, after time.Duration) (n int) {
	for l.Take(key, 1, begin.Add(after)) {
		n++
	}
	return n
}

func TestAKeyGivesItsRate(t *testing.T) {
	l := &keylimit.Limit{Rate: 1000}
	for _, c := range []struct {
		key   string
		after time.Duration
		want  int
	}{
		{"a", 0, 1000},
		{"a", 100 * time.Millisecond, 100},
		{"b", 100 * time.Millisecond, 1000}, // another key, another bucket
		{"a", 150 * time.Millisecond, 50},
		{"a", 50 * time.Millisecond, 0}, // a clock that goes back gives nothing
		{"a", time.Hour, 1000},          // and idleness no more than a second's
	} {
		if n := taken(l, c.key, c.after); n != c.want {
			t.Errorf("%s gave %d after %v, want %d", c.key, n, c.after, c.want)
		}
	}
	if n := l.Refused(); n != 6 {
		t.Errorf("%d were refused", n)
	}
}

func TestABurstIsWhatAnIdleKeyHas(t *testing.T) {
	l := &keylimit.Limit{Rate: 10, Burst: 3000}
	if n := taken(l, "a", 0); n != 3000 {
		t.Errorf("gave %d", n)
	}
	if n := taken(l, "a", time.Minute); n != 600 {
		t.Errorf("gave %d a minute later", n)
	}
}

func TestWhatWasNeededAfterwardsIsOwed(t *testing.T) {
	l := &keylimit.Limit{Rate: 10}
	if !l.Take("a", 50, begin) { // more than there can be: the full bucket passes
		t.Error("a large request is refused for ever")
	}
	l.Charge("b", 25, begin)
	for _, c := range []struct {
		key   string
		after time.Duration
		want  bool
	}{{"a", 4 * time.Second, false}, {"a", 4200 * time.Millisecond, true}, {"b", 1500 * time.Millisecond, false}, {"b", 1700 * time.Millisecond, true}} {
		if got := l.Take(c.key, 1, begin.Add(c.after)); got != c.want {
			t.Errorf("%s after %v: %v", c.key, c.after, got)
		}
	}
}

func TestTheHottestKeysAreThoseWithThePeaks(t *testing.T) {
	l := &keylimit.Limit{}
	for i := range 100 {
		l.Take("often", 1, begin.Add(time.Duration(i)*time.Minute))
		l.Take("steady", 1, begin.Add(time.Duration(i)*50*time.Millisecond)) // 20 a second
		if i < 30 {
			l.Take("sudden", 1, begin.Add(time.Hour+time.Duration(i)*10*time.Millisecond))
		}
	}
	want := []keylimit.Key{{Key: "sudden", Units: 30, Peak: 30}, {Key: "steady", Units: 100, Peak: 20}, {Key: "often", Units: 100, Peak: 1}}
	if got := l.Hottest(5); !slices.Equal(got, want) {
		t.Errorf("the hottest are %+v", got)
	}
	if got := l.Hottest(1); !slices.Equal(got, want[:1]) || l.Refused() != 0 {
		t.Errorf("the hottest is %+v, %d were refused", got, l.Refused())
	}
}
