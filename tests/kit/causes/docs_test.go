package causes

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// docs/operate.md has a row for each reason, which names the line that the log has besides.
func TestOperateSaysWhatIsFound(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	besides, reason := map[string][]string{}, "" // by reason, the last cell of each of its rows
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || cells[0] != "" || cells[4] != "" {
			continue
		}
		if name := strings.Trim(cells[1], " `"); name != "" { // else it is one more of the reason before
			reason = name
		}
		besides[reason] = append(besides[reason], strings.TrimSpace(cells[3]))
	}
	for _, c := range All() {
		names := func(cell string) bool { return strings.Contains(cell, "`"+c.Besides+"`") }
		if c.Besides == "" {
			names = func(cell string) bool { return cell == "nothing" || strings.HasPrefix(cell, "nothing, ") }
		}
		for _, reason := range c.Reasons {
			if cells := besides[string(reason)]; len(cells) == 0 || c.Fault == None && !slices.ContainsFunc(cells, names) {
				t.Errorf("%s: the rows of %q say %q, and not %q", c.Name, reason, cells, c.Besides)
			}
		}
		if !strings.Contains(string(page), c.Besides) {
			t.Errorf("%s: nothing says %q", c.Name, c.Besides)
		}
	}
}
