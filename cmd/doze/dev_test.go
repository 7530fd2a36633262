package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// startDev runs doze dev as main does, until end, which returns its error.
func startDev(t *testing.T, flags ...string) (url string, end func() error) {
	t.Helper()
	return startDevWithLog(t, io.Discard, flags...)
}

func startDevWithLog(t *testing.T, log io.Writer, flags ...string) (url string, end func() error) {
	t.Helper()
	return startNamed(t, "dev", log, flags...)
}

// startNamed runs doze dev or doze serve.
func startNamed(t *testing.T, name string, log io.Writer, flags ...string) (url string, end func() error) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	reader, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, append([]string{name, "-addr", "127.0.0.1:0"}, flags...), out, log)
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
			return errors.New("doze " + name + " did not end")
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
		{"", "name a command"},
		{"host", `unknown command "host"`},
		{"dev -nonsense", "doze dev -h lists the flags"},
		{"dev extra", "doze dev takes flags only"},
		{"dev -addr 127.0.0.1", "-addr 127.0.0.1:3000"},
		{"dev -client /nowhere", "there is no socket.io.js"},
		{"dev -addr 127.0.0.1:0 -max-payload -5", "-max-payload is -5"},
		{"dev -addr 127.0.0.1:0 -allow-origins example.com", "https://example.com"},
		{"dev -addr 127.0.0.1:0 -ping-interval -1s", "-ping-interval is -1s: it goes from 1ms"},
		{"dev -addr 127.0.0.1:0 -ping-interval 1ns", "-ping-interval is 1ns: it goes from 1ms"},
		{"dev -addr nowhere:99999", "99999"},
		{"dev -addr 127.0.0.1:0 -endpoint http://127.0.0.1:1", "no use without -table or -queue"},
		{"dev -addr 127.0.0.1:0 -table doze -endpoint 127.0.0.1:4566", "-endpoint http://127.0.0.1:4566"},
		{"dev -addr 127.0.0.1:0 -queue doze.fifo -endpoint http://127.0.0.1:1", "standard queue"},
		{"dev -addr 127.0.0.1:0 -table doze -endpoint http://127.0.0.1:1", "set the right endpoint"},
		{"verify", "doze verify https://HOST"},
		{"verify one two", "doze verify https://HOST"},
		{"verify -nonsense", "doze verify -h lists the flags"},
		{"verify 127.0.0.1:3000", "write https://HOST"},
		{"verify http://127.0.0.1:1 -only weather", "no question \"weather\"; these are all:\n  polling.open\n"},
		{"verify http://127.0.0.1:1", "cannot be reached"},
		{"show -95C_iEB8j3MsDI=", "begins with - comes after --"},
		{"kick -endpoint http://127.0.0.1:1 -5C_iEB8j3MsDI", "begins with - comes after --"},
		{"emit -dev http://127.0.0.1:1 moved -5", "begins with - comes after --"},
		{"gateway -nonsense", "doze gateway -h lists the flags"},
		{"upgrade -nonsense", "doze upgrade -h lists the flags"},
		{"new -nonsense", "doze new -h lists the flags"},
		{"gateway extra", "doze gateway takes flags only"},
		{"version extra", `unexpected argument "extra"`},
		{"-v extra", `unexpected argument "extra"`},
		{"--version -json", "doze version -h lists the flags"},
		{"gateway -addr 3000", "-addr 127.0.0.1:3000"},
		{"gateway -addr 127.0.0.1:0 -stack chat -endpoint http://127.0.0.1:1", "the stack chat could not be read: no answer of AWS in the region test"},
	} {
		var out, log bytes.Buffer
		err := run(t.Context(), strings.Fields(c.args), &out, &log)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("doze %s: %v, want %q", c.args, err, c.want)
		}
		if lists := c.args == "" || c.args == "host"; out.Len() > 0 || lists != strings.Contains(log.String(), "\n  verify ") || !lists && log.Len() > 0 {
			t.Errorf("doze %s prints besides the error %s%s", c.args, out.String(), log.String())
		}
	}
}

func TestHelpIsWhatIsAskedFor(t *testing.T) {
	for args, want := range map[string]string{
		"help": "usage: doze dev|", "dev -h": "-ping-interval", "gateway --help": "-stack", "new -h": "usage: doze new", "upgrade -h": "usage: doze upgrade",
		"version -h": "usage: doze version", "-v -h": "usage: doze version", "cost -h": "-messages rate", "verify http://127.0.0.1:1 -h": "-only",
	} {
		var out, log bytes.Buffer
		err := run(t.Context(), strings.Fields(args), &out, &log)
		if text := out.String(); !strings.Contains(text, want) || log.Len() > 0 || err != nil && !errors.Is(err, flag.ErrHelp) {
			t.Errorf("doze %s: %v %s%s", args, err, text, log.String())
		}
	}
}
