package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/tests/kit/fakesqs"
)

// deadLetterQueue is a server with the queues jobs and dead, and the flags that find them.
func deadLetterQueue(t *testing.T) (*fakesqs.Server, []string) {
	t.Helper()
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"} {
		t.Setenv(name, value)
	}
	s := fakesqs.New(time.Now, "jobs", "dead")
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, []string{"-endpoint", server.URL, "-queue", server.URL + "/1/jobs", "-dead", server.URL + "/1/dead"}
}

func TestDeadLettersAreShownInPlainWords(t *testing.T) {
	s, at := deadLetterQueue(t)
	for body, want := range map[string]string{
		`{"kind":"sweep","shard":7,"id":"x"}`:                        "heartbeat of shard 7: of no use later",
		`{"kind":"open","connection":"abc="}`:                        "posts the open packet to the new connection abc=",
		`{"kind":"finish","address":"psecret"}`:                      ": of no use after some minutes, for a sweep has taken them over",
		`{"kind":"new"}`:                                             `of the kind "new", which this version does not know`,
		`{"kind":7}`:                                                 `no job and no message: there is no "kind"`,
		`{"emit":"news","to":["#tea"],"args":["rain"]}`:              `emits "news" to #tea in /`,
		`{"disconnect":true,"closeConnection":true,"reason":"spam"}`: "disconnects clients altogether of all /, because: spam",
		`{"rooms":["a"]}`:                                            `no job and no message: there is no "rooms" in a message`,
		`rain`:                                                       "no job and no message: the message is no JSON object",
		`{"kind":"work","work":{"ack":1,"namespace":"/a"}}`:          "ends a question of Then in /a",
		`{"kind":"work","work":{"namespace":"/","parts":[{"room":"I3RlYQ=="}],"at":"2026-01-02T03:04:05Z"}}`: "disconnects clients of #tea in / that an emit of 2026-01-02T03:04:05Z has not come to",
		`{"kind":"work","work":{"disconnect":{"namespace":"/","only":"abc"}}}`:                               "disconnects sockets of abc in /",
	} {
		id := s.Put("dead", body, map[string]string{"reason": "no answer\x1b[2J", "queue": "jobs", "message": "m-1"})
		text := says(t, slices.Concat([]string{"redrive"}, at)...)
		if !strings.Contains(text, id) || !strings.Contains(text, want) || !strings.Contains(text, "no answer") || strings.Contains(text, "\x1b") || strings.Contains(text, "secret") {
			t.Errorf("%s is shown as\n%s, want %s", body, text, want)
		}
		var l letter
		if err := json.Unmarshal([]byte(says(t, slices.Concat([]string{"redrive", "-json"}, at)...)), &l); err != nil || l.ID != id || l.Body != body || l.Was != "m-1" {
			t.Errorf("%+v %v", l, err)
		}
		says(t, slices.Concat([]string{"redrive", "-delete", "-all"}, at)...)
	}
	s.Put("dead", `{"kind":"sweep"}`, nil) // of the redrive policy
	if text := says(t, slices.Concat([]string{"redrive"}, at)...); !strings.Contains(text, "its invocation died each time") {
		t.Error(text)
	}
}

func TestChosenDeadLettersAreResent(t *testing.T) {
	s, at := deadLetterQueue(t)
	var ids []string
	for _, event := range []string{"a", "b", "c"} {
		ids = append(ids, s.Put("dead", `{"emit":"`+event+`"}`, map[string]string{"reason": "why"}))
	}
	is := func(queue string, want ...string) {
		t.Helper()
		bodies, hidden := s.Messages(queue)
		for i := range bodies {
			bodies[i] = strings.TrimSuffix(strings.TrimPrefix(bodies[i], `{"emit":"`), `"}`)
		}
		if !slices.Equal(bodies, want) || hidden > 0 {
			t.Errorf("%s has %q, %d of them hidden; want %q", queue, bodies, hidden, want)
		}
	}
	fails := func(want string, args ...string) {
		t.Helper()
		if err := run(t.Context(), slices.Concat([]string{"redrive"}, at, args), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("doze redrive %q: %v, want %s", args, err, want)
		}
	}
	fails("begins the ids of 3 messages", "-resend", "0000")
	fails("is no message", "-resend", ids[0], "nobody")
	is("dead", "a", "b", "c")
	is("jobs")
	if got := says(t, slices.Concat([]string{"redrive", "-resend"}, at, []string{ids[1], ids[1]})...); got != ids[1]+"  resent\n" {
		t.Errorf("%q", got)
	}
	is("dead", "a", "c")
	is("jobs", "b")

	s.Refuse = func(action, queue string) string {
		if action == "SendMessage" {
			return "AccessDenied"
		}
		return ""
	}
	fails("SendMessage", "-resend", "-all")
	is("dead", "a", "c") // and not lost, nor hidden
	s.Refuse = nil
	says(t, slices.Concat([]string{"redrive", "-resend", "-all", "-rate", "1000", "-json"}, at)...)
	is("dead")
	is("jobs", "b", "a", "c")
	if got := says(t, slices.Concat([]string{"redrive"}, at)...); got != "" {
		t.Errorf("of an empty queue: %q", got)
	}
}

func TestMoreDeadLettersThanAreLookedAt(t *testing.T) {
	s, at := deadLetterQueue(t)
	for range 25 {
		s.Put("dead", `{"emit":"a"}`, map[string]string{"reason": "why"})
	}
	var out, log bytes.Buffer
	if err := run(t.Context(), slices.Concat([]string{"redrive", "-json", "-n", "24"}, at), &out, &log); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 24 || !strings.Contains(log.String(), "more than 24") {
		t.Errorf("%d lines, and %q", n, log.String())
	}
	if got := says(t, slices.Concat([]string{"redrive", "-json"}, at)...); strings.Count(got, "\n") != 25 {
		t.Errorf("%d are there", strings.Count(got, "\n"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, slices.Concat([]string{"redrive", "-resend", "-all"}, at), io.Discard, io.Discard); err == nil {
		t.Error("an interrupted command says nothing")
	}
	if bodies, hidden := s.Messages("dead"); len(bodies) != 25 || hidden != 0 {
		t.Errorf("%d are there, %d hidden", len(bodies), hidden)
	}
}

func TestRedriveSaysWhatIsMissing(t *testing.T) {
	t.Setenv("DOZE_QUEUE", "")
	t.Setenv("DOZE_DEAD_QUEUE", "")
	for args, want := range map[string]string{
		"":                  "which queues?",
		"-queue a":          "which queues?",
		"-dev http://a":     "doze dev has no dead-letter queue",
		"-resend":           "name messages, or -all",
		"-resend -all a":    "name messages, or -all",
		"-all":              "-resend or -delete",
		"a":                 "-resend or -delete",
		"-resend -delete a": "choose one",
		"-n 0":              "-n is 0: it goes from 1",
		"-rate 0":           "-rate is 0: it goes from 0.01, one in 100 s, up to 1000",
		"-rate 1e-10":       "-rate is 1e-10: it goes from 0.01",
		"-rate NaN":         "-rate is NaN",
		"-rate 1001":        "up to 1000",
	} {
		if err := run(t.Context(), append([]string{"redrive"}, strings.Fields(args)...), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("doze redrive %s: %v, want %s", args, err, want)
		}
	}
}

// TestAResentJobIsNotOld resends one that was due long ago, which the figure QueueAge would count, and a message that
// has a field of the same name for somebody else.
func TestAResentJobIsNotOld(t *testing.T) {
	s, at := deadLetterQueue(t)
	s.Put("dead", `{"kind":"work","id":"x","due":1767322800000,"cause":"a<b","work":{"due":7,"disconnect":{"namespace":"/"}}}`, nil)
	s.Put("dead", `{"kind":"sweep","id":"y","shard":3}`, nil)
	s.Put("dead", `{ "emit":"news", "due":7 }`, nil)
	says(t, slices.Concat([]string{"redrive", "-resend", "-all", "-rate", "1000"}, at)...)
	got, _ := s.Messages("jobs")
	if len(got) != 3 || got[1] != `{"kind":"sweep","id":"y","shard":3}` || got[2] != `{ "emit":"news", "due":7 }` {
		t.Fatalf("%q", got)
	}
	var is, want any
	if err := json.Unmarshal([]byte(got[0]), &is); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"kind":"work","id":"x","cause":"a<b","work":{"due":7,"disconnect":{"namespace":"/"}}}`), &want); err != nil || !reflect.DeepEqual(is, want) {
		t.Errorf("%s %v", got[0], err)
	}
}
