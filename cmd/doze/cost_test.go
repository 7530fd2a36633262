package main

import (
	"bytes"
	"flag"
	"io"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what doze cost says into docs/costs.md")

// fixed is a bill that does not change when the measured one does, so that the sums below can be done by hand.
const fixed = `
| operation | invocations | RRU | WRU | posts | table calls | queue requests |
|---|---|---|---|---|---|---|
| polling handshake | 1 / 1 | 0.5 / 1 | 4 / 4 | 0 / 0 | 4 | 0 |
| namespace CONNECT over polling, with the reply | 1 / 1 | 1.5 / 1.5 | 4 / 4 | 0 / 0 | 5 | 0 |
| WebSocket-only connect, with the open packet | 2 / 2 | 0.5 / 1 | 5 / 5 | 1 / 1 | 5 | 1 |
| namespace CONNECT, with the reply | 1 / 1 | 1.5 / 1.5 | 3 / 3 | 1 / 1 | 5 | 0 |
| upgrade, all steps; 2 namespaces, 2 rooms | 3 / 3 | 3 / 3 | 11 / 11 | 1 / 1 | 15 | 0 |
| waiting poll of 20 s, nothing arrives | 1 / 1 | 48 / 50 | 2 / 2 | 0 / 0 | 98 | 0 |
| event in, with ack | 1 / 1 | 1 / 1 | 0 / 0 | 1 / 1 | 1 | 0 |
| join one room | - | **2** / 1 | 2 / 2 | 0 / 0 | 4 | 0 |
| emit to a room of 80 WebSocket members | - | 2 / 2 | 0 / 0 | 80 / 80 | 1 | 0 |
| emit to a polling member, under 1 KiB in its outbox | - | 1 / 1 | 1 / 1 | 0 / 0 | 2 | 0 |
| ping + pong of an idle connection | 1 / 1 | 0 / 0 | 1 / 1 | 1 / 1 | 1 | 0 |
| sweep of a heartbeat shard of 400 connections, without their pings | 1 / 1 | 9.5 / 11.5 | 1 / 1 | 0 / 0 | 4 | 1 |
| disconnect; 2 namespaces, 2 rooms | 1 / 1 | **4** / 3 | 8 / 8 | 0 / 0 | 12 | 0 |
`

func monthOf(t *testing.T, u use) quantity {
	t.Helper()
	table, err := readMeasured(fixed)
	if err != nil {
		t.Fatal(err)
	}
	if u.hours == 0 {
		u.hours = 24
	}
	if u.stay == 0 {
		u.stay = 2 * time.Hour
	}
	u.ping, u.handler = 300*time.Second, 15*time.Millisecond
	if err := u.check(); err != nil {
		t.Fatal(err)
	}
	return u.month(table, installed{connectGB: 0.125, pollGB: 0.125, messageGB: 0.25, disconnectGB: 0.125, queues: 1, metrics: 11, dashboards: 1})
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-6*math.Max(1, want) {
		t.Errorf("%s: %f, want %f", what, got, want)
	}
}

// TestAThousandIdleClients is done by hand: 730 hours are 8,760 pings and 365 connections of two hours for each client.
func TestAThousandIdleClients(t *testing.T) {
	q := monthOf(t, use{clients: 1000, webSocketOnly: true})
	const pings, visits, sweeps = 8_760_000, 365_000, 16 * 8760 // 16 shards every 300 s
	near(t, "minutes", q.minutes, 1000*730*60)
	near(t, "messages", q.messages, 2*pings+3*visits)                     // ping and pong; open packet, CONNECT and its reply
	near(t, "invocations", q.requests, pings+sweeps+(2+1+1)*visits)       // to connect, CONNECT, to disconnect
	near(t, "GB-s", q.gbSeconds, 32_850+3504+1_368.75+1_368.75+11_406.25) // as above
	near(t, "reads", q.reads, 0.02*pings+1.5*sweeps+(0.5+1.5+4)*visits)   // 8 for the rows of 400, and 1.5 for two timers
	near(t, "writes", q.writes, pings+sweeps+(5+3+8)*visits)
	near(t, "queue", q.queue, 657_000+3*sweeps+visits) // 5 polls every 20 s; a sweep is sent, received and deleted
	near(t, "HTTP requests", q.http, 0)
	dollars := 0.0
	for _, l := range (use{}).lines(q) {
		dollars += l.usd()
	}
	near(t, "dollars but the data's", dollars-q.bytes/1e9*0.09,
		10.95+18.615+2.072032+50_497.75*0.0000133334+2.57544*0.125+14.74016*0.625+1.44248*0.40+1.10+3+visits*leaving/1e9*0.50)
}

// TestAThousandClientsThatPoll is done by hand: a GET every 20 s, 131,400 a client.
func TestAThousandClientsThatPoll(t *testing.T) {
	q := monthOf(t, use{polling: 1000, stay: 10 * time.Hour})
	const polls, pongs, visits, sweeps = 131_400_000, 8_760_000, 73_000, 16 * 8760
	near(t, "minutes", q.minutes, 0)
	near(t, "messages", q.messages, 0)
	near(t, "HTTP requests", q.http, polls+pongs+3*visits) // handshake, CONNECT, the GET for its reply
	near(t, "invocations", q.requests, polls+pongs+sweeps+4*visits)
	near(t, "reads", q.reads, 48*polls+1.5*sweeps+(0.5+1.5+3+4)*visits)
	near(t, "writes", q.writes, 2*polls+pongs+sweeps+(4+4+2+8)*visits)
	held := 1000 * 730 * 3600 * 0.125 // GB-s
	if q.gbSeconds < held || q.gbSeconds > 1.001*held {
		t.Errorf("%f GB-s, the polls alone are %f", q.gbSeconds, held)
	}
}

// TestEventsCostWhatTheirRecipientsDo compares with the same clients silent: 100 of them send 60 events an hour.
func TestEventsCostWhatTheirRecipientsDo(t *testing.T) {
	const events = 100 * 730 * 60
	silent := monthOf(t, use{clients: 100})
	for _, c := range []struct {
		members, size, messages, reads float64
	}{
		{0, 200, 2, 1},
		{1, 200, 3, 2},
		{40, 200, 42, 2},
		{41, 200, 43, 3},
		{10, 32 << 10, 12, 2},
		{10, 32<<10 + 1, 23, 2}, // the ack is small
	} {
		q := monthOf(t, use{clients: 100, messages: 60, members: c.members, size: c.size})
		near(t, "messages", q.messages-silent.messages, c.messages*events)
		near(t, "reads", q.reads-silent.reads, c.reads*events)
		near(t, "writes", q.writes-silent.writes, 0)
	}
	// Half of all poll: 20 events, 10 from each kind, of which 5 go to either kind; whoever polls has acks kept too.
	mixed, quiet := monthOf(t, use{clients: 50, polling: 50, messages: 60, members: 10}), monthOf(t, use{clients: 50, polling: 50})
	near(t, "messages", mixed.messages-quiet.messages, events*(0.5*2+5))
	near(t, "writes", mixed.writes-quiet.writes, events*(5+0.5)*(1+2)) // the outbox, and the GET that it ends
}

func TestHalfTheDayIsHalfTheBill(t *testing.T) {
	all, half := monthOf(t, use{clients: 100, messages: 5, rooms: 2}), monthOf(t, use{clients: 100, messages: 5, rooms: 2, hours: 12})
	near(t, "messages", half.messages, all.messages/2)
	near(t, "writes", half.writes, all.writes/2)
	near(t, "HTTP requests", half.http, all.http/2)
}

// TestReckoningKnowsTheTemplate looks whether all is found in it that is counted.
func TestReckoningKnowsTheTemplate(t *testing.T) {
	template := read(t, "../../template.yaml")
	in, err := readTemplate(template)
	if err != nil {
		t.Fatal(err)
	}
	if in.connectGB < 0.125 || in.messageGB < 0.125 || in.disconnectGB < 0.125 || in.queues < 1 || in.dashboards < 1 {
		t.Errorf("%+v", in)
	}
	if alarms := float64(strings.Count(template, "Type: AWS::CloudWatch::Alarm\n")); in.metrics < alarms || alarms == 0 {
		t.Errorf("%v alarms watch %v metrics", alarms, in.metrics)
	}
	if _, err := readTemplate(strings.Replace(template, "MemorySize: 128", "Memory: 128", 1)); err == nil {
		t.Error("a function without memory")
	}
}

func TestTheBillHasToSayWhatIsReckonedWith(t *testing.T) {
	if _, err := readMeasured(strings.Replace(fixed, "join one room", "join a room", 1)); err == nil || !strings.Contains(err.Error(), "join one room") {
		t.Error(err)
	}
	table, err := readMeasured(read(t, "../../docs/costs.md"))
	if err != nil {
		t.Fatal(err)
	}
	if m := table[opPing]; m.invocations < 1 || m.invocations > 1.01 || m.posts != 1 {
		t.Errorf("a ping costs %+v", m)
	}
}

func TestWrongUsesAreRefused(t *testing.T) {
	for args, want := range map[string]string{
		"extra":             "takes flags only",
		"-nonsense":         "doze cost -h lists the flags",
		"-messages 10/m":    "such as 10/min",
		"-messages x/h":     "such as 10/min",
		"-messages 10/":     "such as 10/min",
		"-messages -1/day":  "-messages is -1: it goes from 0",
		"-messages NaN":     "-messages is NaN",
		"-clients -1":       "-clients is -1: it goes from 0",
		"-clients NaN":      "-clients is NaN",
		"-hours 25":         "-hours is 25: it goes from 0 to 24",
		"-size 200000":      "131072",
		"-stay 0s":          "such as 30m",
		"-ping-interval 5s": "25s to 480s",
		"-handler 1h":       "1ms to 29s",
	} {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"cost"}, strings.Fields(args)...), &out, io.Discard)
		if err == nil || !strings.Contains(out.String()+err.Error(), want) {
			t.Errorf("doze cost %s: %v %s, want %q", args, err, out.String(), want)
		}
	}
}

// TestInputsAreRepeatedInWords has the same rate in every unit, and what a number alone is.
func TestInputsAreRepeatedInWords(t *testing.T) {
	bill := func(args string) (words, table string) {
		var out bytes.Buffer
		if err := run(t.Context(), append([]string{"cost"}, strings.Fields(args)...), &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		words, table, _ = strings.Cut(out.String(), "\n\n")
		return words, table
	}
	const use = "-clients 1000 -members 20 -hours 6 -messages "
	_, want := bill(use + "60")
	for rate, said := range map[string]string{
		"60": "60 events an hour each", "60/h": "60 events an hour each", "1/min": "1 event a minute each",
		"0.016666666666666666/s": "0.017 events a second each", "360/day": "360 events a day each", // of six hours
	} {
		words, table := bill(use + rate)
		if table != want {
			t.Errorf("%s costs\n%s\n60 an hour\n%s", rate, table, want)
		}
		if !strings.HasPrefix(words, "1,000 clients over WebSocket, "+said+", every one to 20 others.\n") ||
			!strings.Contains(words, "In a month: 10,950,000 events of 200 bytes, received 219,000,000 times.") {
			t.Errorf("%s: %s", rate, words)
		}
	}
	for args, want := range map[string][]string{
		"-clients 0":                              {"No clients"},
		"-clients 1 -messages 1 -members 1":       {"1 client over WebSocket, 1 event an hour each, every one to 1 other.", "In a month: 730 events of 200 bytes, received 730 times."},
		"-clients 2.5 -polling 1 -stay 90m":       {"2.5 clients over WebSocket and 1 client over polling, which send nothing.", "anew after 1h30m;", "A ping every 5m;"},
		"-clients 0 -polling 3":                   {"3 clients over polling, "},
		"-websocket-only -one-origin=false":       {"begin with WebSocket", "no CloudFront"},
		"-rooms 3 -log 20 -handler 30ms -hours 8": {"Connected 8 hours a day", "joins 3 rooms", "20 bytes logged", "30ms an invocation"},
		"-messages 5/day -hours 0":                {"send nothing"},
	} {
		words, _ := bill(args)
		for _, w := range want {
			if !strings.Contains(words, w) {
				t.Errorf("doze cost %s says nothing of %q:\n%s", args, w, words)
			}
		}
	}
}

// TestExamplesInTheDocumentation runs them. After a change: go test ./cmd/doze -run Examples -update
func TestExamplesInTheDocumentation(t *testing.T) {
	const name = "../../docs/costs.md"
	page := read(t, name)
	examples := 0
	now := regexp.MustCompile("(?s)```sh\ngo run ./cmd/doze (cost [^\n]*)\n```\n\n```text\n.*?```").ReplaceAllStringFunc(page, func(block string) string {
		examples++
		command, _, _ := strings.Cut(strings.TrimPrefix(block, "```sh\ngo run ./cmd/doze "), "\n")
		var out bytes.Buffer
		if err := run(t.Context(), strings.Fields(command), &out, &out); err != nil {
			t.Errorf("%s: %v", command, err)
		}
		return "```sh\ngo run ./cmd/doze " + command + "\n```\n\n```text\n" + out.String() + "```"
	})
	if examples < 3 {
		t.Errorf("docs/costs.md has %d examples", examples)
	}
	if now == page {
		return
	}
	if !*update {
		t.Fatal("docs/costs.md shows other figures than doze cost: run go test ./cmd/doze -run Examples -update")
	}
	if err := os.WriteFile(name, []byte(now), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestMetricsCostWhatTheirLinesAndNamesDo takes metrics away, and people's events.
func TestMetricsCostWhatTheirLinesAndNamesDo(t *testing.T) {
	u := use{clients: 100, webSocketOnly: true, rate: rate{n: 30, unit: "h"}, members: 20, hours: 12}
	u.messages = 30
	without := monthOf(t, u)
	u.metrics = true
	with := monthOf(t, u)
	near(t, "metrics", with.custom, (metricsOfClients+metricsOfEvents)/2)
	near(t, "metrics that are off", without.custom, 0)
	events, more := 100.0*365*30, with.logged-without.logged
	if each := more / events; each < 500 || each > 1500 { // 650 bytes, 21 times of posts, and the sweeps' and visits' share
		t.Errorf("an event logs %v bytes", each)
	}
	u.clients = 0
	if q := monthOf(t, u); q.custom != 0 || q.logged != 0 {
		t.Errorf("with nobody there: %v metrics, %v bytes", q.custom, q.logged)
	}
}
