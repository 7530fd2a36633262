package commandline

import (
	"context"
	"errors"
	"flag"
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
