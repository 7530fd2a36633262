package commandline

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// parse reads args for a command with two flags.
func parse(args ...string) (rest []string, addr, said string, err error) {
	f := flag.NewFlagSet("doze try", flag.ExitOnError) // as flag.CommandLine is
	f.StringVar(&addr, "addr", "", "`address`")
	f.Int("n", 0, "a number")
	var out strings.Builder
	rest, err = Parse(f, "usage: doze try\n\n", args, &out)
	return rest, addr, out.String(), err
}

func TestFlagsMayFollow(t *testing.T) {
	for _, c := range []struct{ args, rest, addr string }{
		{"", "", ""},
		{"one", "one", ""},
		{"one -addr a two -n 3", "one two", "a"},
		{"-addr a -- -n x", "-n x", "a"},
		{"one -- -addr a", "one -addr a", ""},
		{"-- one -addr a", "one -addr a", ""},
	} {
		rest, addr, said, err := parse(strings.Fields(c.args)...)
		if err != nil || !slices.Equal(rest, strings.Fields(c.rest)) || addr != c.addr || said != "" {
			t.Errorf("%s: %q %q %q %v", c.args, rest, addr, said, err)
		}
	}
}

func TestWrongFlagsAreAnErrorAndNothingElse(t *testing.T) {
	for _, as := range []string{"", "make try"} {
		t.Setenv(As, as)
		hint := map[string]string{"": "doze try -h lists the flags", "make try": "make try ARGS='-h' lists the flags"}[as]
		for args, want := range map[string]string{
			"-nonsense":  "-nonsense",
			"-n x":       `invalid value "x" for flag -n: write a whole number`,
			"one -addr":  "-addr",
			"-n=":        "-n",
			"one --what": "-what",
		} {
			_, _, said, err := parse(strings.Fields(args)...)
			if err == nil || said != "" || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), hint) {
				t.Errorf("%s: %v, printed %q", args, err, said)
			}
		}
	}
}

// TestWhatIsToBeTypedCanBe calls commands by go run, whose program's name nobody can type, and through make.
func TestWhatIsToBeTypedCanBe(t *testing.T) {
	for _, c := range []struct{ as, name, with, usage string }{
		{"", "doze dev", "doze dev -as-aws", "usage: doze dev [flags]\n\n"},
		{"", "go run ./cmd/x", "go run ./cmd/x -as-aws", "usage: go run ./cmd/x [flags]\n\n"},
		{"", "cursors", "-as-aws", "usage: cursors [flags]\n\n"},
		{"make dev", "dev", "make dev ARGS='-as-aws'", "usage: make dev ARGS='[flags]'\n\n"},
		{"make dev", "doze dev", "make dev ARGS='-as-aws'", "usage: make dev ARGS='[flags]'\n\n"},
	} {
		t.Setenv(As, c.as)
		if with, usage := With(c.name, "-as-aws"), Usage(c.name); with != c.with || usage != c.usage {
			t.Errorf("%s as %q: %q %q", c.name, c.as, with, usage)
		}
	}
	t.Setenv(As, "")
	f := flag.NewFlagSet("cursors", flag.ContinueOnError)
	if err := ParseFlags(f, "", []string{"-nonsense"}, io.Discard); err == nil || !strings.HasSuffix(err.Error(), "-nonsense; -h lists the flags") {
		t.Error(err)
	}
}

func TestHelpIsPrinted(t *testing.T) {
	for _, args := range []string{"-h", "one --help", "-n 3 -help"} {
		_, _, said, err := parse(strings.Fields(args)...)
		if !errors.Is(err, flag.ErrHelp) || !strings.HasPrefix(said, "usage: doze try\n\n  -addr address") {
			t.Errorf("%s: %v %q", args, err, said)
		}
	}
}

func TestATakenPortSaysHowToTakeAnother(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	for as, want := range map[string]string{"": ": doze try -addr 127.0.0.1:0", "make try": ": make try ARGS='-addr 127.0.0.1:0'"} {
		t.Setenv(As, as)
		if l, err := Listen("doze try", addr); err == nil || !strings.HasPrefix(err.Error(), addr+" is taken") || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v %v", l, err)
		}
	}
	for _, addr := range []string{"127.0.0.1", "3000", "nowhere:99999", ""} {
		if l, err := Listen("doze try", addr); err == nil {
			l.Close()
			t.Errorf("%q is listened on", addr)
		}
	}
}

func TestHostsAreNames(t *testing.T) {
	for _, c := range []struct{ value, want, write string }{
		{"chat.test", "chat.test", ""},
		{"chat.test, two.test,my_mac.local.", "chat.test two.test my_mac.local.", ""},
		{"chat.test:3000", "chat.test:3000", ""},
		{"10.0.2.2,::1,[fe80::1],[fe80::1]:3000", "10.0.2.2 ::1 [fe80::1] [fe80::1]:3000", ""},
		{"http://x.y", "", "such as x.y"},
		{"https://x.y:3000/chat", "", "such as x.y"},
		{"a.test,wss://x.y", "", "such as x.y"},
		{"x.y/chat", "", "such as x.y"},
		{"//x.y", "", "such as x.y"},
		{"", "", `"" is no name of a host`},
		{"a.test,", "", "such as chat.example.com"},
		{" ", "", "such as chat.example.com"},
		{"*", "", "such as chat.example.com"},
		{"*.x.y", "", "such as chat.example.com"},
		{"a b", "", "such as chat.example.com"},
		{"ada@x.y", "", "such as chat.example.com"},
		{"x.y:", "", "such as chat.example.com"},
		{"bücher.example", "", "such as chat.example.com"}, // browsers send xn--bcher-kva.example
	} {
		var names []string
		f := flag.NewFlagSet("doze try", flag.ContinueOnError)
		Hosts(f, &names, "this server")
		err := ParseFlags(f, "", []string{"-host", c.value}, io.Discard)
		switch {
		case c.write == "" && (err != nil || strings.Join(names, " ") != c.want):
			t.Errorf("-host %q: %q %v", c.value, names, err)
		case c.write != "" && (err == nil || !strings.Contains(err.Error(), "flag -host: ") || !strings.Contains(err.Error(), c.write)):
			t.Errorf("-host %q: %q %v, want %q", c.value, names, err, c.write)
		}
	}
}

func TestAddressesHavePorts(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", ":3000", "[::1]:3001", "localhost:http"} {
		if err := Address("inner", addr); err != nil {
			t.Error(err)
		}
	}
	for _, addr := range []string{"", "127.0.0.1", "http://127.0.0.1:3001", "127.0.0.1:3001/x", "127.0.0.1:70000", "127.0.0.1:-1", "3001"} {
		if err := Address("inner", addr); err == nil || !strings.Contains(err.Error(), "write -inner 127.0.0.1:3000") {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

func TestStatus(t *testing.T) {
	over, end := context.WithCancel(context.Background())
	end()
	for _, c := range []struct {
		ctx    context.Context
		err    error
		text   string
		status int
	}{
		{context.Background(), nil, "", 0},
		{context.Background(), flag.ErrHelp, "", 0},
		{context.Background(), errors.New("no"), "doze: no", 1},
		{over, nil, "", 0},
		{over, errors.Join(context.Canceled, errors.New("GET: context canceled")), "doze: interrupted", 130},
	} {
		if text, status := status(c.ctx, "doze", c.err); text != c.text || status != c.status {
			t.Errorf("%v: %q %d", c.err, text, status)
		}
	}
}
