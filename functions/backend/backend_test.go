package backend

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/memory"
	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// TestOnlyThoseWhoAskForItHaveTheNamespace looks for it where it cannot be made any more.
func TestOnlyThoseWhoAskForItHaveTheNamespace(t *testing.T) {
	for value, want := range map[string]bool{"yes": true, "no": false, "": false} {
		t.Setenv("DOZE_VERIFY", value)
		store := memory.New(nil)
		d := Deployed{Backend: socketio.Backend{Sessions: store, Rooms: store,
			Poster: outgoing.NewPoster(aws.Config{Region: "local"}, "http://127.0.0.1:1/live"), Timers: outgoing.NewHTTPQueue("http://127.0.0.1:1/_queue")}}
		io := socketio.New(socketio.Options{})
		if _, err := d.Bind(io); err != nil {
			t.Fatal(err)
		}
		if got := has(io); got != want {
			t.Errorf("DOZE_VERIFY=%s: %v", value, got)
		}
	}
}

// TestEveryFunctionIsMadeByThisPackage reads the mains, which differ in one line besides their comments: one that bound
// its application itself would lack the namespace.
func TestEveryFunctionIsMadeByThisPackage(t *testing.T) {
	mains, err := filepath.Glob("../*/main.go")
	if err != nil || len(mains) < 4 {
		t.Fatal(mains, err)
	}
	common := ""
	for _, name := range mains {
		text, err := os.ReadFile(name)
		code := regexp.MustCompile(`(?m)^//.*\n`).ReplaceAllString(string(text), "")
		line := regexp.MustCompile(`(?m)^\tbackend\.Main\(backend\.(\w+)(\(app\.Page\(\)\))?, app\.New\(\)\)$`)
		m := line.FindStringSubmatch(code)
		if err != nil || m == nil || !strings.EqualFold(m[1], filepath.Base(filepath.Dir(name))) {
			t.Errorf("%s is not made by functions/backend: %q %v", name, m, err)
			continue
		}
		if rest := line.ReplaceAllString(code, ""); common != "" && rest != common {
			t.Errorf("%s differs in more than a line from another:\n%s%s", name, rest, common)
		} else {
			common = rest
		}
	}
}

// has uses that a server that is bound makes no more namespaces.
func has(io *socketio.Server) (has bool) {
	defer func() { has = recover() == nil }()
	io.Of(counterpart.Namespace)
	return true
}

// TestWhatTheApplicationSaysIsDone configures a deployment as its functions do, with and without each variable, and
// with and without an application that says something of its own.
func TestWhatTheApplicationSaysIsDone(t *testing.T) {
	const s = time.Second
	mine := observe.Logger(slog.New(slog.DiscardHandler))
	says := socketio.Options{PingInterval: 7 * s, PingTimeout: 8 * s, ConnectTimeout: 9 * s, UpgradeTimeout: 11 * s,
		AllowOrigins: []string{"https://app.example"}, Logger: mine, MaxPayload: 4_000_000, Transports: []string{"polling"}, NoUpgrades: true}
	for _, c := range []struct {
		name, value string
		app         socketio.Options
		got         func(engine.Options) any
		want        any
	}{
		{"DOZE_PING_INTERVAL", "", socketio.Options{}, func(o engine.Options) any { return o.PingInterval }, 300 * s},
		{"DOZE_PING_INTERVAL", "", says, func(o engine.Options) any { return o.PingInterval }, 7 * s},
		{"DOZE_PING_INTERVAL", "0s", says, func(o engine.Options) any { return o.PingInterval }, 7 * s},
		{"DOZE_PING_INTERVAL", "42s", socketio.Options{}, func(o engine.Options) any { return o.PingInterval }, 42 * s},
		{"DOZE_PING_INTERVAL", "42s", says, func(o engine.Options) any { return o.PingInterval }, 42 * s},
		{"DOZE_PING_INTERVAL", "300s", says, func(o engine.Options) any { return o.PingInterval }, 300 * s},
		{"DOZE_PING_INTERVAL", "42s", says, func(o engine.Options) any { return o.PingTimeout }, 8 * s},
		{"DOZE_PING_TIMEOUT", "", socketio.Options{}, func(o engine.Options) any { return o.PingTimeout }, 60 * s},
		{"DOZE_PING_TIMEOUT", "", says, func(o engine.Options) any { return o.PingTimeout }, 8 * s},
		{"DOZE_PING_TIMEOUT", "42s", socketio.Options{}, func(o engine.Options) any { return o.PingTimeout }, 42 * s},
		{"DOZE_PING_TIMEOUT", "42s", says, func(o engine.Options) any { return o.PingTimeout }, 42 * s},
		{"DOZE_PING_TIMEOUT", "42s", says, func(o engine.Options) any { return o.PingInterval }, 7 * s},
		{"", "", socketio.Options{}, func(o engine.Options) any { return o.ConnectTimeout }, 45 * s},
		{"", "", says, func(o engine.Options) any { return o.ConnectTimeout }, 9 * s},
		{"", "", socketio.Options{}, func(o engine.Options) any { return o.UpgradeTimeout }, 10 * s},
		{"", "", says, func(o engine.Options) any { return o.UpgradeTimeout }, 11 * s},
		{"", "", socketio.Options{}, func(o engine.Options) any { return o.Logger == slog.Default() }, true},
		{"", "", says, func(o engine.Options) any { return o.Logger == mine }, true},
		{"DOZE_ALLOW_ORIGINS", "", socketio.Options{}, func(o engine.Options) any { return strings.Join(o.AllowOrigins, " ") }, ""},
		{"DOZE_ALLOW_ORIGINS", "", says, func(o engine.Options) any { return strings.Join(o.AllowOrigins, " ") }, "https://app.example"},
		{"DOZE_ALLOW_ORIGINS", "https://a.example,https://b.example", socketio.Options{}, func(o engine.Options) any { return strings.Join(o.AllowOrigins, " ") },
			"https://a.example https://b.example"},
		{"DOZE_ALLOW_ORIGINS", "https://a.example", says, func(o engine.Options) any { return strings.Join(o.AllowOrigins, " ") },
			"https://a.example https://app.example"},
		{"", "", socketio.Options{}, func(o engine.Options) any { return o.MaxPayload }, 1_000_000},
		{"", "", says, func(o engine.Options) any { return o.MaxPayload }, 4_000_000},
		{"", "", says, func(o engine.Options) any { return strings.Join(o.Transports, " ") }, "polling"},
		{"", "", says, func(o engine.Options) any { return o.NoUpgrades }, true},
		{"DOZE_CLIENT_RATE", "", says, func(o engine.Options) any { return o.ClientRate }, 100},
		{"DOZE_CLIENT_RATE", "42", says, func(o engine.Options) any { return o.ClientRate }, 42},
		{"DOZE_POLLS", "", says, func(o engine.Options) any { return o.Polls }, 0},
		{"DOZE_POLLS", "42", says, func(o engine.Options) any { return o.Polls }, 42},
		{"DOZE_PUBLIC_ORIGIN", "https://a.example", says, func(o engine.Options) any { return o.PublicOrigin }, "https://a.example"},
	} {
		e, err := deployed(t, c.app, c.name, c.value)
		if err != nil {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		} else if got := c.got(e.Options()); got != c.want {
			t.Errorf("%s=%q, the application says %+v: got %v, want %v", c.name, c.value, c.app, got, c.want)
		}
	}
}

// TestWhatLambdaDoesNotTakeIsAnErrorAtTheStart asks for a request that no function would get.
func TestWhatLambdaDoesNotTakeIsAnErrorAtTheStart(t *testing.T) {
	_, err := deployed(t, socketio.Options{Path: "/chat"}, "", "")
	if err == nil || !strings.Contains(err.Error(), "Path is /chat/: leave it at /socket.io/") {
		t.Error(err)
	}
	if _, err = deployed(t, socketio.Options{Path: "/socket.io"}, "", ""); err != nil {
		t.Error(err)
	}
	_, err = deployed(t, socketio.Options{MaxPayload: 4_000_001}, "", "")
	if err == nil || !strings.Contains(err.Error(), "MaxPayload is 4000001: write at most 4000000") {
		t.Error(err)
	}
}

// deployed binds an application as the functions do, with one variable more than they need.
func deployed(t *testing.T, o socketio.Options, name, value string) (*engine.Engine, error) {
	t.Helper()
	for variable, value := range map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
		"DOZE_TABLE": "doze", "DOZE_CONNECTIONS": "http://127.0.0.1:1/live", "DOZE_QUEUE": "http://127.0.0.1:1/1/jobs",
		"DOZE_ALLOW_ORIGINS": "", "DOZE_PUBLIC_ORIGIN": "", "DOZE_VERIFY": "", "DOZE_ADMIN_USER": "", "DOZE_ADMIN_PASSWORD_HASH": "",
		"DOZE_PING_INTERVAL": "", "DOZE_PING_TIMEOUT": "", "DOZE_POLLS": "", "DOZE_CLIENT_RATE": "", "DOZE_METRICS": "",
	} {
		t.Setenv(variable, value)
	}
	if name != "" {
		t.Setenv(name, value)
	}
	logger := slog.Default()
	t.Cleanup(func() { slog.SetDefault(logger) })
	d, err := FromEnv()
	if err != nil {
		return nil, err
	}
	return d.Bind(socketio.New(o))
}

func TestOptionsThatCannotWorkAreErrors(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"DOZE_PING_INTERVAL", "300", "write a time such as 300s"},
		{"DOZE_PING_INTERVAL", "-5s", "write a time such as 300s"},
		{"DOZE_PING_TIMEOUT", "soon", "write a time such as 300s"},
		{"DOZE_PING_INTERVAL", "481s", "at most 8m0s"},
		{"DOZE_POLLS", "many", "write a number"},
		{"DOZE_CLIENT_RATE", "-1", "write a number"},
		{"DOZE_ALLOW_ORIGINS", "example.com", "https://example.com"},
		{"DOZE_ADMIN_USER", "ops", "DOZE_ADMIN_USER needs DOZE_ADMIN_PASSWORD_HASH"},
	} {
		if _, err := deployed(t, socketio.Options{}, c.name, c.value); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: %v, want %q", c.name, c.value, err, c.want)
		}
	}
	if _, err := deployed(t, socketio.Options{PingInterval: 9 * time.Minute}, "", ""); err == nil || !strings.Contains(err.Error(), "silent for ten minutes") {
		t.Errorf("an application with pings every nine minutes: %v", err)
	}
}
