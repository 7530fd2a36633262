package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/engine"
)

// polling begins a session over polling, and joins the namespace "/" when auth is not empty.
func polling(t *testing.T, server, auth string) {
	t.Helper()
	ask := func(method, query, body string) string {
		r, err := http.NewRequestWithContext(t.Context(), method, server+"/socket.io/?EIO=4&transport=polling&token=hush"+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "session=hush")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v", r.URL, res.Status, err)
		}
		return string(b)
	}
	var open struct {
		SID string `json:"sid"`
	}
	if err := json.Unmarshal([]byte(ask(http.MethodGet, "", "")[1:]), &open); err != nil {
		t.Fatal(err)
	}
	if auth != "" {
		ask(http.MethodPost, "&sid="+open.SID, "40"+auth)
	}
}

// testLooking runs the commands that look at clients, and doze kick, on a deployment that flags find and that has
// nobody yet.
func testLooking(t *testing.T, server string, left func() []string, at ...string) {
	with := func(command string, more ...string) []string { return slices.Concat([]string{command}, at, more) }
	bob, _, bobEnded := tailing(t, slices.Concat(at, []string{"-auth", `{"name":"bob"}`, "-namespace", "/admin", "#tea", "#cake"})...)
	polling(t, server, `{"name":"ada"}`)
	polling(t, server, "")

	lines := strings.Split(strings.TrimSpace(says(t, with("ls")...)), "\n")
	shape := regexp.MustCompile(`^(\S+) +(\S+) +\d+s +(\S+) *(.*)$`)
	var got []string
	ada := ""
	for _, line := range lines {
		m := shape.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("ls has the line %q", line)
		}
		if m[2] == "/" {
			ada, m[1] = m[1], "ada"
		}
		got = append(got, strings.TrimSpace(strings.Join(m[1:], " ")))
	}
	if !strings.HasPrefix(got[0], bob) {
		t.Errorf("ls begins with %q, not with who has been there for longest", got[0])
	}
	slices.Sort(got[1:]) // they may have come in one millisecond
	if want := []string{bob + " /admin websocket #cake #tea", "- - polling", "ada / polling"}; !slices.Equal(got, want) {
		t.Fatalf("ls has %q, want %q", got, want)
	}
	var line socketLine
	if err := json.Unmarshal([]byte(says(t, with("ls", "-namespace", "admin", "-no-rooms", "-json")...)), &line); err != nil {
		t.Fatal(err)
	}
	if line.ID != bob || line.Namespace != "/admin" || line.Rooms != nil || string(line.Data) != `{"name":"bob"}` || line.Transport != "websocket" || time.Since(line.Since) > time.Hour {
		t.Errorf("ls -json: %+v", line)
	}
	if got := says(t, with("ls", "-namespace", "/none")...); got != "" {
		t.Errorf("ls of a namespace without sockets: %q", got)
	}

	for _, id := range []string{bob, line.Client} { // of a socket that is not in "/", and of a connection
		var k control.Known
		if err := json.Unmarshal([]byte(says(t, with("show", "-json", "--", id)...)), &k); err != nil {
			t.Fatal(err)
		}
		if k.Name != line.Client || k.State != engine.Open || len(k.Sockets) != 1 || !slices.Equal(k.Sockets[0].Rooms, []string{"#cake", "#tea"}) || k.Handshake == nil {
			t.Errorf("show -json %s: %+v", id, k)
		}
	}
	for _, c := range []struct {
		flag        string
		has, hasNot []string
	}{
		{"-secrets=false", []string{"over polling", "open", ada + " in /", `{"name":"ada"}`, "token", "(hidden)", "waiting"}, []string{"hush", "sid"}},
		{"-secrets", []string{"hush"}, []string{"(hidden)"}},
	} {
		text := says(t, with("show", c.flag, "--", ada)...)
		for _, want := range c.has {
			if !strings.Contains(text, want) {
				t.Errorf("show %s has no %q:\n%s", c.flag, want, text)
			}
		}
		for _, no := range c.hasNot {
			if strings.Contains(text, no) {
				t.Errorf("show %s has %q:\n%s", c.flag, no, text)
			}
		}
	}

	if got := says(t, with("kick", "-reason", "spam", "--", bob)...); got != bob+" in /admin\n" {
		t.Errorf("kick: %q", got)
	}
	if err := <-bobEnded; err == nil || !strings.Contains(err.Error(), "disconnected this client") {
		t.Errorf("bob's tail ends with %v", err)
	}
	eventually(t, "the application's OnDisconnecting", func() bool { return slices.Contains(left(), "server namespace disconnect") })
	eventually(t, "the closed session of bob's connection", func() bool {
		text := says(t, with("show", "--", line.Client)...)
		return strings.Contains(text, "closed: forced close") && strings.Contains(text, bob+", /admin")
	})
	says(t, with("kick", "-json", "--", ada)...)
	eventually(t, "only the client that has joined nothing", func() bool { return strings.HasPrefix(says(t, with("ls")...), "- ") })
	for _, command := range []string{"show", "kick"} {
		looks := map[string]string{"AAAAAAAAAAAAAAAAAAAA": `and socket = "AAAAAAAAAAAAAAAAAAAA"`, "polling-1x2y3z": `filter session = "polling-1x2y3z"`}
		if slices.Contains(at, "-dev") { // whose log is text
			looks = map[string]string{"AAAAAAAAAAAAAAAAAAAA": `msg="a socket is disconnected" and socket=AAAAAAAAAAAAAAAAAAAA`, "polling-1x2y3z": "session=polling-1x2y3z, where"}
		}
		for id, look := range looks {
			err := run(t.Context(), with(command, id), io.Discard, io.Discard)
			if err == nil || !strings.HasPrefix(err.Error(), id+": no client has it") || !strings.Contains(err.Error(), look) || strings.Count(err.Error(), "no client") != 1 {
				t.Errorf("doze %s of nobody: %v", command, err)
			}
		}
	}
}

// eventually waits for something to be so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestDozeDevIsLookedAt(t *testing.T) {
	io, left := visited()
	s := serving(t, devserver.Options{}, io)
	testLooking(t, s.URL, left, "-dev", s.URL)
}

func TestWhatMayBeASecretIsHidden(t *testing.T) {
	h := &engine.Handshake{
		Header: http.Header{"User-Agent": {"Firefox"}, "Cookie": {"a=hush", "b=hush"}, "authorization": {"hush"}, "X-Anything": {"hush"}, "Referer": {"https://a.example/page?hush"}},
		Query:  url.Values{"EIO": {"4"}, "password": {"hush"}}, URL: "/socket.io/?EIO=4&password=hush",
	}
	hide(h)
	text, err := json.Marshal(h)
	if err != nil || strings.Contains(string(text), "hush") || !strings.Contains(string(text), "Firefox") || !strings.Contains(string(text), "https://a.example/page") {
		t.Errorf("%s %v", text, err)
	}
}

func TestAgeHasTwoUnits(t *testing.T) {
	then := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for after, want := range map[time.Duration]string{
		-time.Second: "0s", 59 * time.Second: "59s", time.Minute: "1m0s", time.Hour - 1: "59m59s", 25 * time.Hour: "1d1h", 90 * time.Minute: "1h30m",
	} {
		if got := age(then.Add(after), then); got != want {
			t.Errorf("%v: %s, want %s", after, got, want)
		}
	}
}
