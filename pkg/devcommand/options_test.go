package devcommand

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/socketio"
)

// TestDevDoesWhatTheApplicationSays runs an application with doze dev's flags: one that was given goes before what the
// application says, one that was not leaves it as it is.
func TestDevDoesWhatTheApplicationSays(t *testing.T) {
	const s = time.Second
	mine := observe.Logger(slog.New(slog.DiscardHandler))
	says := socketio.Options{PingInterval: 7 * s, PingTimeout: 8 * s, ConnectTimeout: 9 * s, UpgradeTimeout: 11 * s,
		AllowOrigins: []string{"https://app.example"}, Logger: mine, MaxPayload: 7000, Transports: []string{"polling"}, NoUpgrades: true}
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
		{"", says, func(o engine.Options) any { return o.MaxPayload }, 7000},
		{"", says, func(o engine.Options) any { return fmt.Sprint(o.Transports, o.NoUpgrades) }, "[polling] true"},
		{"", socketio.Options{}, func(o engine.Options) any { return fmt.Sprint(o.Transports, o.NoUpgrades) }, "[polling websocket] false"},
		{"", says, func(o engine.Options) any { return o.ClientRate }, 100},
		{"-client-rate 0", says, func(o engine.Options) any { return o.ClientRate }, 100},
		{"-client-rate 500", says, func(o engine.Options) any { return o.ClientRate }, 500},
		{"-client-rate -1", says, func(o engine.Options) any { return o.ClientRate }, -1},
		{"-client-rate 9223372036854775807 -as-aws", says, func(o engine.Options) any { return o.ClientRate*10 > 0 }, true},
		{"-max-payload 5000", says, func(o engine.Options) any { return o.MaxPayload }, 5000},
	} {
		o, _, err := Command{Name: "doze dev"}.options(strings.Fields("-addr 127.0.0.1:0 "+c.flags), io.Discard, io.Discard)
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

// TestAddressesThatMeanNothingAreRefused reads the flags only.
func TestAddressesThatMeanNothingAreRefused(t *testing.T) {
	for _, c := range []struct {
		serve       bool
		flags, want string
	}{
		{true, "-inner http://127.0.0.1:3001", `-inner "http://127.0.0.1:3001" is no address with a port: write -inner`},
		{true, "-inner 127.0.0.1", "write -inner"},
		{true, "-host chat.test", "-host is of the address of -inner"},
		{true, "-host chat.test -inner 127.0.0.1:3001", ""},
		{true, "-host http://chat.test -inner 127.0.0.1:3001", "such as chat.test"},
		{false, "-host chat.test", ""},
		{false, "-host http://chat.test", "such as chat.test"},
	} {
		var log strings.Builder
		_, _, err := (Command{Name: "doze try", Serve: c.serve}).options(strings.Fields(c.flags), io.Discard, &log)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || log.Len() > 0 {
			t.Errorf("%s: %v, want %q; the log says %q", c.flags, err, c.want, log.String())
		}
	}
}

// TestAnInnerAddressForAllIsWarnedOf reads the flags only, so that nothing listens.
func TestAnInnerAddressForAllIsWarnedOf(t *testing.T) {
	for inner, want := range map[string]bool{
		"": false, "127.0.0.1:3001": false, "[::1]:3001": false, "localhost:3001": false,
		"0.0.0.0:3001": true, ":3001": true, "[::]:3001": true, "10.0.0.7:3001": true, "metrics.example:3001": true,
	} {
		var log strings.Builder
		if _, _, err := (Command{Name: "doze serve", Serve: true}).options([]string{"-inner", inner}, io.Discard, &log); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "-inner "+inner+" is not of this machine alone"); got != want {
			t.Errorf("-inner %q: %q", inner, log.String())
		}
	}
}
