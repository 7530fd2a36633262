package protocol_test

import (
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/protocol"
)

func TestExcerpt(t *testing.T) {
	x := strings.Repeat("x", 199)
	for text, want := range map[string]string{
		"": "", "short": "short", "\xff": "\uFFFD", x + "y": x + "y", x + "yz": x + "y...",
		x + "é!": x + "...", x[1:] + "é!": x[1:] + "é...", strings.Repeat("\xff", 9000): strings.Repeat("\uFFFD", 1) + "...",
	} {
		if got := protocol.Excerpt(text); got != want {
			t.Errorf("%.300q: %q, want %q", text, got, want)
		}
	}
}
