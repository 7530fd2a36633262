package emitter_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dozeio/doze/pkg/emitter"
	"github.com/dozeio/doze/pkg/socketio"
)

// whole is what an emitter needs.
var whole = emitter.Options{Table: "chat", Connections: "https://abc.execute-api.eu-west-1.amazonaws.com/live", Queue: "https://sqs.eu-west-1.amazonaws.com/1/jobs"}

var region = aws.Config{Region: "eu-west-1", Credentials: aws.AnonymousCredentials{}}

// unset takes what this process may have been given out of the environment.
func unset(t *testing.T) {
	for _, name := range []string{"DOZE_TABLE", "DOZE_CONNECTIONS", "DOZE_QUEUE"} {
		t.Setenv(name, "")
	}
}

func TestErrorsSayWhatToSet(t *testing.T) {
	unset(t)
	for want, change := range map[string]func(*aws.Config, *emitter.Options){
		"DOZE_TABLE":       func(_ *aws.Config, o *emitter.Options) { o.Table = "" },
		"DOZE_CONNECTIONS": func(_ *aws.Config, o *emitter.Options) { o.Connections = "" },
		"DOZE_QUEUE":       func(_ *aws.Config, o *emitter.Options) { o.Queue = "" },
		"wss://abc/live":   func(_ *aws.Config, o *emitter.Options) { o.Connections = "wss://abc/live" },
		`"jobs"`:           func(_ *aws.Config, o *emitter.Options) { o.Queue = "jobs" },
		"AWS_REGION":       func(c *aws.Config, _ *emitter.Options) { c.Region = "" },
	} {
		cfg, o := region, whole
		change(&cfg, &o)
		if _, err := emitter.New(cfg, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want something about %s", err, want)
		}
	}
	if _, err := emitter.New(region, whole); err != nil {
		t.Error(err)
	}
}

func TestTheEnvironmentSaysWhereNothingElseDoes(t *testing.T) {
	asked := make(chan string, 10)
	table := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 1000)
		n, _ := r.Body.Read(body)
		asked <- r.Header.Get("X-Amz-Target") + string(body[:n])
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write([]byte(`{}`))
	}))
	defer table.Close()
	t.Setenv("DOZE_TABLE", "of-the-environment")
	t.Setenv("DOZE_CONNECTIONS", table.URL+"/live")
	t.Setenv("DOZE_QUEUE", table.URL+"/1/jobs")
	cfg := region
	cfg.BaseEndpoint = aws.String(table.URL)
	for want, o := range map[string]emitter.Options{"of-the-environment": {}, "of-the-options": {Table: "of-the-options"}} {
		io, err := emitter.New(cfg, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := io.Of("/never-made").To("room").Emit(t.Context(), "news", 1); err != nil {
			t.Fatal(err)
		}
		if got := <-asked; !strings.Contains(got, ".Query") || !strings.Contains(got, want) {
			t.Errorf("asked for %s, want the table %s", got, want)
		}
	}
}

// TestAnEmitterWritesInTheFormatOfTheDeployment goes by what is too large in one of the two formats only.
func TestAnEmitterWritesInTheFormatOfTheDeployment(t *testing.T) {
	unset(t)
	for msgPack, want := range map[bool]error{false: nil, true: socketio.ErrTooLarge} {
		o := whole
		o.MsgPack = msgPack
		io, err := emitter.New(region, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := io.To().Emit(t.Context(), "news", strings.Repeat("x", 100<<10)); !errors.Is(err, want) {
			t.Errorf("MsgPack %t: %v, want %v", msgPack, err, want)
		}
	}
}

// TestAnEmitterTakesNoHandlers shows that nobody can register what would never run.
func TestAnEmitterTakesNoHandlers(t *testing.T) {
	unset(t)
	io, err := emitter.New(region, whole)
	if err != nil {
		t.Fatal(err)
	}
	for name, register := range map[string]func(*socketio.Namespace){
		"On":           func(n *socketio.Namespace) { n.On("say", func(socketio.Args) {}) },
		"OnConnection": func(n *socketio.Namespace) { n.OnConnection(nil) },
		"Use":          func(n *socketio.Namespace) { n.Use(nil) },
	} {
		func() {
			defer func() {
				if said, _ := recover().(string); !strings.Contains(said, "after Bind") {
					t.Errorf("%s: %q", name, said)
				}
			}()
			register(io.Of("/any"))
		}()
	}
}
