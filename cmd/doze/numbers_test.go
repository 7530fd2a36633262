package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
)

// numbers are all flags that are numbers or times, with values that are not allowed and, after the bar, some that are.
// What else the command needs comes before.
var numbers = []struct{ command, flag, values string }{
	{"dev -addr 127.0.0.1:0", "ping-interval", "0 0s -1s 1ns 25 x 9h | 1s 15m"},
	{"dev -addr 127.0.0.1:0", "ping-timeout", "0s -1s 999us x 15m1ms | 1ms 15m"},
	{"dev -addr 127.0.0.1:0", "connect-timeout", "0s -1s x | 1ms"},
	{"dev -addr 127.0.0.1:0", "upgrade-timeout", "0s -1s x | 1ms"},
	{"dev -addr 127.0.0.1:0", "max-payload", "0 -1 1.5 x 99999999999999999999 | 1"},
	{"dev -addr 127.0.0.1:0", "client-rate", "-2 1.5 x none 99999999999999999999 | -1 0 1 100"},
	{"dev -addr 127.0.0.1:0", "jitter", "-1ms 20 x | 0s 20ms"},
	{"dev -addr 127.0.0.1:0", "cold-start", "-1ms 20 x | 0s 20ms"},
	{"dev -addr 127.0.0.1:0", "concurrency", "0 -1 1.5 x | 1"},
	{"dev -addr 127.0.0.1:0", "seed", "-1 1.5 x | 0 1"},
	{"serve -addr 127.0.0.1:0", "ping-interval", "0 0s -1s 1ns 25 x 9h | 1s 15m"},
	{"serve -addr 127.0.0.1:0", "ping-timeout", "0s -1s 999us x 15m1ms | 1ms 15m"},
	{"serve -addr 127.0.0.1:0", "connect-timeout", "0s -1s x | 1ms"},
	{"serve -addr 127.0.0.1:0", "upgrade-timeout", "0s -1s x | 1ms"},
	{"serve -addr 127.0.0.1:0", "max-payload", "0 -1 1.5 x | 1"},
	{"serve -addr 127.0.0.1:0", "client-rate", "-2 1.5 x | -1 0 1 100"},
	{"serve -addr 127.0.0.1:0", "grace", "0 0s -1s 999us 10 x | 1ms"},
	{"gateway -addr 127.0.0.1:0 -endpoint http://127.0.0.1:1", "jitter", "-1ms 20 x | 0s 20ms"},
	{"gateway -addr 127.0.0.1:0 -endpoint http://127.0.0.1:1", "seed", "-1 1.5 x | 0 1"},
	{"cost", "clients", "-1 1e10 NaN x | 0 1e9"},
	{"cost", "polling", "-1 1e10 NaN x | 0 1e9"},
	{"cost", "hours", "-1 24.1 NaN x | 0 24"},
	{"cost", "stay", "0 0s -1h 7200 x | 1s"},
	{"cost", "messages", "-1 NaN x 10/year | 0 10/min"},
	{"cost", "members", "-1 NaN x | 0"},
	{"cost", "rooms", "-1 NaN x | 0"},
	{"cost", "size", "-1 1e9 NaN x | 0"},
	{"cost", "ping-interval", "0s 24s 481s x | 25s 480s"},
	{"cost", "handler", "0s -1s 30s x | 1ms 29s"},
	{"cost", "log", "-1 NaN x | 0"},
	{"verify http://127.0.0.1:1 -only polling.open", "rounds", "0 -1 1.5 x | 1"},
	{"verify http://127.0.0.1:1 -only polling.open", "clients", "0 -1 50 x | 1 49"},
	{"verify http://127.0.0.1:1 -only polling.open", "timeout", "0s -1s 10 x | 1s"},
	{"drain -dev http://127.0.0.1:1", "rate", "0 -1 NaN 501 0.009 x | 0.01 500"},
	{"redrive", "n", "0 -1 1.5 x | 1"},
	{"redrive", "rate", "0 -1 NaN 1001 x | 0.01 1000"},
	{"top -dev http://127.0.0.1:1", "every", "0s -1s 99ms 2 x | 100ms"},
	{"top -stack a -endpoint http://127.0.0.1:1", "every", "0s -1s 9s x | 10s"},
	{"top -dev http://127.0.0.1:1", "minutes", "0 -1 61 x | 1 60"},
	{"top -dev http://127.0.0.1:1", "n", "0 -1 1.5 x | 1"},
	{"tail -dev http://127.0.0.1:1", "n", "0 -1 1.5 x | 1"},
}

// TestNumbersSayWhatIsAllowed has each flag of each command that is a number or a time refuse what is wrong, instead of
// taking it for the default.
func TestNumbersSayWhatIsAllowed(t *testing.T) {
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1", "DOZE_QUEUE": "", "DOZE_DEAD_QUEUE": ""} {
		t.Setenv(name, value)
	}
	over, end := context.WithCancel(t.Context())
	end()
	for _, c := range numbers {
		wrong, right, _ := strings.Cut(c.values, "|")
		for _, value := range strings.Fields(wrong) {
			soon, cancel := context.WithTimeout(t.Context(), 5*time.Second) // a command that takes the value may run until then
			err := run(soon, append(strings.Fields(c.command), "-"+c.flag, value), io.Discard, io.Discard)
			cancel()
			if err == nil || !regexp.MustCompile(`-`+c.flag+`\b`).MatchString(err.Error()) || !regexp.MustCompile(`: it goes from |: write |: the template allows `).MatchString(err.Error()) {
				t.Errorf("doze %s -%s %s: %v", c.command, c.flag, value, err)
			}
		}
		for _, value := range strings.Fields(right) {
			err := run(over, append(strings.Fields(c.command), "-"+c.flag, value), io.Discard, io.Discard)
			if err != nil && strings.Contains(err.Error(), "-"+c.flag) {
				t.Errorf("doze %s -%s %s: %v", c.command, c.flag, value, err)
			}
		}
	}
}

// TestNumbersAreAllFlagsThatAreNumbers reads the help of each command.
func TestNumbersAreAllFlagsThatAreNumbers(t *testing.T) {
	known := map[string]bool{}
	for _, c := range numbers {
		command, _, _ := strings.Cut(c.command, " ")
		known[command+" -"+c.flag] = true
	}
	var help bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, &help, io.Discard); err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`(?m)^  -([\w-]+) (\S+)`)
	texts := strings.Fields("string URL name text address folder file JSON origins origin mode room ids time module path")
	commands := regexp.MustCompile(`(?m)^  ([a-z]+)  `).FindAllStringSubmatch(help.String(), -1)
	if len(commands) < 18 {
		t.Fatalf("doze -h has %d commands", len(commands))
	}
	found := 0
	for _, command := range commands {
		help.Reset()
		if err := run(t.Context(), []string{command[1], "-h"}, &help, io.Discard); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("doze %s -h: %v", command[1], err)
		}
		for _, m := range flags.FindAllStringSubmatch(help.String(), -1) {
			isText := false
			for _, text := range texts {
				isText = isText || text == strings.TrimRight(m[2], ",")
			}
			if isText {
				continue
			}
			if found++; !known[command[1]+" -"+m[1]] {
				t.Errorf("doze %s has the flag -%s %s, which is no text, and which the table lacks", command[1], m[1], m[2])
			}
		}
	}
	if found < len(known) {
		t.Errorf("%d of the %d flags of the table are in the help", found, len(known))
	}
}
