package scrape_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/dozeio/doze/internal/scrape"
	"github.com/dozeio/doze/pkg/observe"
)

// scraped returns what Prometheus gets.
func scraped(t *testing.T, m *scrape.Meter, cheap bool) string {
	t.Helper()
	server := httptest.NewServer(m.Handler(func() (int, int) { return 7, 3 }, cheap))
	defer server.Close()
	res, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res.Status, err)
	}
	return string(b)
}

func TestFiguresAreServedInPrometheussFormat(t *testing.T) {
	m := scrape.New()
	m.Count(observe.Posts, "ok", 2)
	m.Count(observe.Posts, "ok", 1)
	m.Count(observe.Disconnects, "ping timeout", 1)
	m.Observe(observe.PostTime, 3)
	m.Observe(observe.Recipients, 300)
	for part, n := range []int{5, 2, 1} {
		m.Part(observe.Sessions, "polling", part, n, time.Minute)
	}
	m.Part(observe.Sessions, "polling", 0, 1, time.Minute)
	got := scraped(t, m, true)
	for _, line := range []string{
		"# TYPE doze_posts_total counter", `doze_posts_total{outcome="ok"} 3`, `doze_disconnects_total{reason="ping timeout"} 1`,
		"doze_handler_errors_total 0", "doze_connects_total 0",
		`doze_post_time_seconds_bucket{le="0.0025"} 0`, `doze_post_time_seconds_bucket{le="0.005"} 1`, "doze_post_time_seconds_sum 0.003",
		`doze_recipients_bucket{le="200"} 0`, `doze_recipients_bucket{le="500"} 1`, "doze_recipients_count 1",
		`doze_sessions{transport="polling"} 4`, "doze_sockets 7", "doze_rooms 3", "doze_event_time_seconds_count 0", "go_goroutines",
	} {
		if !strings.Contains(got, "\n"+line) {
			t.Errorf("no %s in\n%s", line, got)
		}
	}
	problems, err := promlint.New(strings.NewReader(got)).Lint()
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}

func TestWhatWouldBeReadForItIsLeftOut(t *testing.T) {
	if got := scraped(t, scrape.New(), false); strings.Contains(got, "doze_sockets") || strings.Contains(got, "doze_rooms") {
		t.Error(got)
	}
}

// TestEveryFigureIsTaken gives each of them a value.
func TestEveryFigureIsTaken(t *testing.T) {
	m := scrape.New()
	for _, f := range observe.Figures {
		switch f.Kind {
		case observe.Counter:
			m.Count(f, map[bool]string{true: "label"}[f.Label != ""], 1)
		case observe.Gauge:
			m.Part(f, "label", 0, 1, time.Minute)
		case observe.Distribution:
			m.Observe(f, 1)
		}
	}
	got := scraped(t, m, true)
	for _, f := range observe.Figures {
		if !strings.Contains(got, " "+f.Help+"\n") {
			t.Errorf("%s is not there", f.Name)
		}
	}
}
