package docs

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/verify"
	"github.com/dozeio/doze/tests/kit/badtable"
)

const factsPage = "docs/aws-facts.md"

// fact is a row of the ledger.
type fact struct {
	kind, number         string // of its id: W and 12
	sure, source, seen   string
	playedBy, check, raw string
}

var (
	factLine = regexp.MustCompile(`(?m)^\| ([A-Z])(\d+) \| (.+) \|$`)
	quoted   = regexp.MustCompile("`([^`]+)`")
	sourceID = regexp.MustCompile(`\[([^\]]+)\]`)
	factID   = regexp.MustCompile(`\b[A-Z]\d+\b`)
)

func facts(t *testing.T) (all []fact) {
	t.Helper()
	for _, m := range factLine.FindAllStringSubmatch(page(t, factsPage), -1) {
		cells := strings.Split(m[3], " | ")
		if len(cells) != 7 {
			t.Fatalf("%s%s has %d cells, not 7: %s", m[1], m[2], len(cells), m[0])
		}
		all = append(all, fact{kind: m[1], number: m[2], sure: cells[1], source: cells[2], seen: cells[3], playedBy: cells[5], check: cells[6], raw: m[0]})
	}
	if len(all) < 100 {
		t.Fatalf("found %d facts", len(all))
	}
	return all
}

// section returns what stands below a heading.
func section(t *testing.T, heading string) string {
	t.Helper()
	_, text, ok := strings.Cut(page(t, factsPage), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", factsPage, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// inQuotes adds what stands in backquotes to a set.
func inQuotes(set map[string]bool, text string) {
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		set[m[1]] = true
	}
}

// theSame reports what the ledger names and is not there, and what is there without a name in it.
func theSame(t *testing.T, what string, named, there map[string]bool) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if !there[name] {
			t.Errorf("%s names the %s %s, which is not there", factsPage, what, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if !named[name] {
			t.Errorf("%s does not name the %s %s", factsPage, what, name)
		}
	}
}

// TestFactsNameEveryOption compares the ledger with the options of the local gateway and of the tests' table.
func TestFactsNameEveryOption(t *testing.T) {
	there := map[string]bool{}
	faults := reflect.TypeFor[gateway.Faults]()
	for _, f := range reflect.VisibleFields(reflect.TypeFor[gateway.Options]()) {
		if f.Type != faults {
			there[f.Name] = true
		}
	}
	for _, f := range reflect.VisibleFields(faults) {
		there["Faults."+f.Name] = true
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[badtable.Throughput]()) {
		there["Throughput."+f.Name] = true
	}
	for _, kind := range badtable.Kinds {
		there[fmt.Sprintf("Rates[%q]", kind)] = true
	}
	playing, others := map[string]bool{}, map[string]bool{}
	for _, f := range facts(t) {
		inQuotes(playing, f.playedBy)
	}
	inQuotes(others, section(t, "Options that play nothing of AWS"))
	for name := range others {
		if playing[name] {
			t.Errorf("%s has %s as an option that plays nothing, and in a row", factsPage, name)
		}
		playing[name] = true
	}
	theSame(t, "option", playing, there)
}

// TestFactsNameEveryQuestion compares the ledger with what doze verify asks. A command has a space in it.
func TestFactsNameEveryQuestion(t *testing.T) {
	there, named, checks := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, q := range verify.Questions() {
		there[q.ID] = true
	}
	for _, f := range facts(t) {
		inQuotes(checks, f.check)
	}
	for check := range checks {
		if !strings.Contains(check, " ") {
			named[check] = true
		}
	}
	theSame(t, "question", named, there)
}

// TestFactsAreComplete looks at each row for itself, and for the open ones in the list at the top.
func TestFactsAreComplete(t *testing.T) {
	text, open := page(t, factsPage), section(t, "What we do not know")
	listed, ids, used, defined := factID.FindAllString(open, -1), map[string]bool{}, map[string]bool{}, map[string]bool{}
	mentioned := slices.Clone(listed)
	for _, m := range regexp.MustCompile(`(?m)^\[([^\]]+)\]: https://\S+$`).FindAllStringSubmatch(text, -1) {
		defined[m[1]] = true
	}
	numbers := map[string]int{}
	for _, f := range facts(t) {
		id := f.kind + f.number
		ids[id] = true
		if numbers[f.kind]++; f.number != fmt.Sprint(numbers[f.kind]) {
			t.Errorf("%s stands where %s%d should", id, f.kind, numbers[f.kind])
		}
		if !slices.Contains([]string{"documented", "reported", "assumed"}, f.sure) {
			t.Errorf("%s is %q", id, f.sure)
		}
		if f.sure != "documented" && !slices.Contains(listed, id) {
			t.Errorf("%s is %s, and not in the list of what is not known", id, f.sure)
		}
		if !regexp.MustCompile(`^\d\d-\d\d$`).MatchString(f.seen) {
			t.Errorf("%s was seen on %q", id, f.seen)
		}
		sources := sourceID.FindAllStringSubmatch(f.source, -1)
		if len(sources) == 0 {
			t.Errorf("%s has no source", id)
		}
		for _, m := range sources {
			used[m[1]] = true
		}
		mentioned = append(mentioned, factID.FindAllString(f.raw, -1)...)
	}
	for _, id := range mentioned {
		if !ids[id] {
			t.Errorf("%s speaks of %s, which is not there", factsPage, id)
		}
	}
	theSame(t, "source", used, defined)
}
