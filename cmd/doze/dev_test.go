package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
)

// startDev runs doze dev as main does, until end, which returns its error.
func startDev(t *testing.T, flags ...string) (url string, end func() error) {
	t.Helper()
	return startDevWithLog(t, io.Discard, flags...)
}

func startDevWithLog(t *testing.T, log io.Writer, flags ...string) (url string, end func() error) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	reader, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, append([]string{"dev", "-addr", "127.0.0.1:0"}, flags...), out, log)
		out.Close()
	}()
	said := make([]byte, 4096)
	for text := ""; url == ""; {
		n, err := reader.Read(said)
		if err != nil {
			t.Fatal(err, <-ended)
		}
		text += string(said[:n])
		url = regexp.MustCompile(`http://127\.0\.0\.1:\d+\b`).FindString(text)
	}
	go io.Copy(io.Discard, reader)
	return url, func() error {
		interrupt()
		select {
		case err := <-ended:
			return err
		case <-time.After(closeTimeout + 5*time.Second):
			return errors.New("doze dev did not end")
		}
	}
}

func TestDevPrintsItsAddressServesTheChatAndEndsOnCtrlC(t *testing.T) {
	url, end := startDev(t)
	for path, want := range map[string]string{"/": "Doze", "/chat.js": "import", "/socket.io/?EIO=4&transport=polling": `0{"sid"`} {
		res, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || !strings.Contains(string(b), want) {
			t.Errorf("%s: %s %.100q %v", path, res.Status, b, err)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// statusFor asks for the page by a name that may lead to this machine.
func statusFor(t *testing.T, url, host string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func TestDevServesTheNamesItIsGiven(t *testing.T) {
	url, end := startDev(t, "-host", "chat.test,two.test", "-host", "three.test")
	for host, want := range map[string]int{"localhost": 200, "chat.test": 200, "two.test:3000": 200, "three.test": 200, "evil.example": 421} {
		if got := statusFor(t, url, host); got != want {
			t.Errorf("%s: %d, want %d", host, got, want)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestWrongCommandsSayWhatIsRight(t *testing.T) {
	for _, variable := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(variable, "test")
	}
	for _, c := range []struct {
		args string
		want string
	}{
		{"", "usage: doze"},
		{"serve", "usage: doze"},
		{"dev -nonsense", "-ping-interval"},
		{"dev extra", "doze dev takes flags only"},
		{"dev -addr 127.0.0.1", "-addr 127.0.0.1:3000"},
		{"dev -client /nowhere", "there is no socket.io.js"},
		{"dev -addr 127.0.0.1:0 -max-payload -5", "MaxPayload"},
		{"dev -addr 127.0.0.1:0 -allow-origins example.com", "https://example.com"},
		{"dev -addr 127.0.0.1:0 -ping-interval 1ns", "at least a millisecond"},
		{"dev -addr nowhere:99999", "99999"},
		{"dev -endpoint http://127.0.0.1:1", "no use without -table or -queue"},
		{"dev -table doze -endpoint 127.0.0.1:4566", "-endpoint http://127.0.0.1:4566"},
		{"dev -queue doze.fifo -endpoint http://127.0.0.1:1", "standard queue"},
		{"dev -table doze -endpoint http://127.0.0.1:1", "set the right endpoint"},
		{"verify", "usage: doze verify"},
		{"verify one two", "usage: doze verify"},
		{"verify 127.0.0.1:3000", "write https://HOST"},
		{"verify http://127.0.0.1:1 -only weather", "no question"},
		{"verify http://127.0.0.1:1", "cannot be reached"},
		{"gateway extra", "doze gateway takes flags only"},
		{"gateway -addr 3000", "-addr 127.0.0.1:3000"},
		{"gateway -stack chat -endpoint http://127.0.0.1:1", "the stack chat has no"},
	} {
		var log bytes.Buffer
		err := run(t.Context(), strings.Fields(c.args), io.Discard, &log)
		text := log.String()
		if err != nil && !errors.Is(err, flag.ErrHelp) {
			text += err.Error()
		}
		if err == nil || !strings.Contains(text, c.want) {
			t.Errorf("doze %s: %v %q, want %q", c.args, err, text, c.want)
		}
	}
}

// TestDevDoesWhatTheApplicationSays runs an application with doze dev's flags: one that was given goes before what the
// application says, one that was not leaves it as it is.
func TestDevDoesWhatTheApplicationSays(t *testing.T) {
	const s = time.Second
	mine := slog.New(slog.DiscardHandler)
	says := socketio.Options{PingInterval: 7 * s, PingTimeout: 8 * s, ConnectTimeout: 9 * s, UpgradeTimeout: 11 * s,
		AllowOrigins: []string{"https://app.example"}, Logger: mine}
	times := func(o engine.Options) any {
		return fmt.Sprint(o.PingInterval, o.PingTimeout, o.ConnectTimeout, o.UpgradeTimeout)
	}
	origins := func(o engine.Options) any { return strings.Join(o.AllowOrigins, " ") }
	for _, c := range []struct {
		flags string
		app   socketio.Options
		got   func(engine.Options) any
		want  any
	}{
		{"", socketio.Options{}, times, "25s 20s 45s 10s"},
		{"", says, times, "7s 8s 9s 11s"},
		{"-ping-interval 42s", says, times, "42s 8s 9s 11s"},
		{"-ping-interval 25s", says, times, "25s 8s 9s 11s"}, // the default, but somebody has asked for it
		{"-ping-timeout 42s", says, times, "7s 42s 9s 11s"},
		{"-connect-timeout 42s", says, times, "7s 8s 42s 11s"},
		{"-upgrade-timeout 42s", says, times, "7s 8s 9s 42s"},
		{"-ping-interval 1s -ping-timeout 2s -connect-timeout 3s -upgrade-timeout 4s", says, times, "1s 2s 3s 4s"},
		{"-ping-interval 1s -ping-timeout 2s -connect-timeout 3s -upgrade-timeout 4s", socketio.Options{}, times, "1s 2s 3s 4s"},
		{"", says, origins, "https://app.example"},
		{"-allow-origins https://a.example,https://b.example", socketio.Options{}, origins, "https://a.example https://b.example"},
		{"-allow-origins https://a.example", says, origins, "https://a.example https://app.example"},
		{"", says, func(o engine.Options) any { return o.Logger == mine }, true},
		{"-v", says, func(o engine.Options) any { return o.Logger == mine }, false},
		{"-v", says, func(o engine.Options) any { return o.Logger.Enabled(t.Context(), slog.LevelDebug) }, true},
		{"", socketio.Options{}, func(o engine.Options) any { return o.Logger.Enabled(t.Context(), slog.LevelDebug) }, false},
		{"", socketio.Options{}, func(o engine.Options) any { return o.MaxPayload }, 1_000_000},
		{"-max-payload 5000", says, func(o engine.Options) any { return o.MaxPayload }, 5000},
	} {
		o, _, _, err := devOptions(strings.Fields("-addr 127.0.0.1:0 "+c.flags), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		server, err := oneprocess.Start(o, socketio.New(c.app).Bind)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.got(server.Engine.Options()); got != c.want {
			t.Errorf("doze dev %s, the application says %+v: got %v, want %v", c.flags, c.app, got, c.want)
		}
		if err := server.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
