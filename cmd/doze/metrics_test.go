package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/observe"
)

// TestTheDocumentationSaysHowLongLinesAre compares the bytes in docs/costs.md with lines that are written now.
func TestTheDocumentationSaysHowLongLinesAre(t *testing.T) {
	page := read(t, "../../docs/costs.md")
	one, twenty := measureLines(1), measureLines(20)
	t.Logf("%+v, for 20: %v", one, twenty.event)
	for row, n := range map[string]float64{
		"with an ack and one recipient |": one.event, "with an ack and 20 recipients |": twenty.event,
		"upgrade, disconnect:": one.handshake + one.connect + one.upgrade + one.disconnect, "16 in five minutes,": one.sweep,
	} {
		bytes := strings.TrimSpace(grouped(n, 0)) + " bytes"
		if !regexp.MustCompile(regexp.QuoteMeta(row) + ` ` + bytes).MatchString(page) {
			t.Errorf("docs/costs.md has no %q %s", row, bytes)
		}
	}
}

// TestTheDocumentationSaysHowManyMetricsThereCanBe adds labels up.
func TestTheDocumentationSaysHowManyMetricsThereCanBe(t *testing.T) {
	labels := map[string]int{"": 1, "Transport": 2, "Reason": 7, "Event": 21, "Outcome": 7}
	most := 0
	for _, f := range observe.Figures {
		if labels[f.Label] == 0 {
			t.Fatalf("%s has a label that this test does not know", f.Name)
		}
		most += labels[f.Label]
	}
	if want := fmt.Sprintf("| %d: all labels of all figures | $%.2f |", most, 0.30*float64(most)); !strings.Contains(read(t, "../../docs/costs.md"), want) {
		t.Errorf("docs/costs.md does not say %q", want)
	}
}
