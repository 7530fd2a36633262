package causes

import (
	"os"
	"strings"
	"testing"
)

// docs/operate.md has a row for each reason, which names the line that the log has besides.
func TestOperateSaysWhatIsFound(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	rows, reason := map[string]string{}, ""
	for line := range strings.Lines(string(page)) {
		cells := strings.SplitN(line, "|", 3)
		if len(cells) < 3 {
			continue
		}
		if name := strings.Trim(cells[1], " `"); name != "" { // else it is one more of the reason before
			reason = name
		}
		rows[reason] += cells[2]
	}
	for _, c := range All() {
		for _, reason := range c.Reasons {
			if row := rows[string(reason)]; row == "" || c.Fault == None && !strings.Contains(row, c.Besides) {
				t.Errorf("%s: the row of %q says %q, and nothing of %q", c.Name, reason, row, c.Besides)
			}
		}
		if !strings.Contains(string(page), c.Besides) {
			t.Errorf("%s: nothing says %q", c.Name, c.Besides)
		}
	}
}
