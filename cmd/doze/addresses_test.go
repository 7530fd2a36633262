package main

import (
	"io"
	"strings"
	"testing"
)

// TestAddressesSayWhatToWrite has flags with an address refuse what is none, before anybody is asked anything.
func TestAddressesSayWhatToWrite(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	for _, c := range []struct{ args, want string }{
		{"gateway -addr 127.0.0.1:0 -endpoint localhost:4566", "write -endpoint http://"},
		{"ls -stack chat -endpoint localhost:4566", "write -endpoint http://"},
		{"top -stack chat -endpoint 127.0.0.1:4566", "write -endpoint http://"},
		{"doctor -stack chat -endpoint ftp://127.0.0.1", "write -endpoint http://"},
		{"redrive -stack chat -endpoint http:/127.0.0.1", "write -endpoint http://"},
		{"gateway -addr 127.0.0.1:0 -host http://chat.test", "such as chat.test"},
		{"verify http://127.0.0.1:1 -origin chat.test", "write the scheme and the host"},
		{"verify http://127.0.0.1:1 -origin https://chat.test/", "without a slash"},
		{"verify http://127.0.0.1:1 -origin chat.test:3000", "write the scheme and the host"},
	} {
		if err := run(t.Context(), strings.Fields(c.args), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("doze %s: %v, want %q", c.args, err, c.want)
		}
	}
}
