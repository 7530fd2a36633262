//go:build full

package template

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/observe/emf"
)

// TestEachAlarmHasItsLineInTheRunbook compares the alarms with the rows of docs/operate.md, both ways.
func TestEachAlarmHasItsLineInTheRunbook(t *testing.T) {
	_, parsed := translated(t)
	page, err := os.ReadFile(root + "/docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Alarms\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows, alarms []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| \\S").FindAllStringSubmatch(section, -1) {
		rows = append(rows, m[1])
	}
	for _, name := range parsed.of("AWS::CloudWatch::Alarm") {
		alarms = append(alarms, strings.TrimSuffix(name, "Alarm"))
	}
	if slices.Sort(rows); !slices.Equal(rows, alarms) || len(alarms) < 10 {
		t.Errorf("docs/operate.md has lines for %q, the template has alarms %q", rows, alarms)
	}
}

// TestPicturesAndAlarmsAreMadeOfFiguresThatThereAre looks at each metric of Doze's that the template names: that it is
// counted, and has those dimensions.
func TestPicturesAndAlarmsAreMadeOfFiguresThatThereAre(t *testing.T) {
	indented, parsed := translated(t)
	text := string(oneLine(t, indented))
	figures := map[string]*observe.Figure{}
	for _, f := range observe.Figures {
		figures[f.Name] = f
	}
	found := 0
	check := func(where, name, label string) {
		found++
		if f := figures[name]; f == nil || f.Label != label {
			t.Errorf("%s: there is no %s by %q", where, name, label)
		}
	}
	alarm := regexp.MustCompile(`"Namespace": "` + emf.Namespace + `", "MetricName": "(\w+)", "Dimensions": \[\{"Name": "Stack", "Value": \{"Ref": "AWS::StackName"\}\}(?:, \{"Name": "(\w+)", "Value": "([\w ]+)"\})?\]`)
	for _, m := range alarm.FindAllStringSubmatch(text, -1) {
		check("an alarm", m[1], m[2])
	}
	if n := strings.Count(text, `"Namespace": "`+emf.Namespace+`"`); n != found || n < 3 {
		t.Errorf("%d metrics of alarms are as they should be, of %d", found, n)
	}
	for _, body := range dashboards(t, parsed) {
		var board struct {
			Widgets []struct {
				Properties struct {
					Title, Stat string
					Metrics     [][]json.RawMessage
				}
			}
		}
		if err := json.Unmarshal([]byte(body), &board); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for _, w := range board.Widgets {
			var before []string
			for _, m := range w.Properties.Metrics {
				var terms []string
				for _, term := range m {
					var s string
					if json.Unmarshal(term, &s) == nil {
						terms = append(terms, s)
					}
				}
				if len(terms) > 0 && terms[0] == "..." {
					terms = append(slices.Clone(before[:len(before)-len(terms)+1]), terms[1:]...)
				}
				for i := range terms {
					if terms[i] == "." {
						terms[i] = before[i]
					}
				}
				before = terms
				if len(terms) > 3 && terms[0] == emf.Namespace {
					label := ""
					if len(terms) > 4 {
						label = terms[4]
					}
					check(w.Properties.Title, terms[1], label)
				}
			}
		}
		searches := regexp.MustCompile(`SEARCH\('\{`+emf.Namespace+`,Stack,(\w+)\} MetricName=\\"(\w+)\\" Stack=\\"\$\{AWS::StackName\}\\"'`).FindAllStringSubmatch(body, -1)
		for _, m := range searches {
			check("a search", m[2], m[1])
		}
	}
	if found < 15 {
		t.Errorf("found only %d", found)
	}
}

// TestAlarmsOfSeveralMetricsMissNone has each metric of a sum filled: a function that is not invoked has no errors, not
// even none, and the sum would be missing for as long as one of them is.
func TestAlarmsOfSeveralMetricsMissNone(t *testing.T) {
	_, parsed := translated(t)
	sums := 0
	for _, name := range parsed.of("AWS::CloudWatch::Alarm") {
		var metrics []struct {
			ID         string `json:"Id"`
			Expression json.RawMessage
		}
		if raw := parsed.Resources[name].Properties["Metrics"]; raw != nil {
			if err := json.Unmarshal(raw, &metrics); err != nil {
				t.Fatal(err)
			}
		}
		if len(metrics) <= 2 { // the expression and one metric, which may be missing
			continue
		}
		sums++
		expression := ""
		for _, m := range metrics {
			expression += string(m.Expression)
		}
		for _, m := range metrics {
			uses := regexp.MustCompile(`\b`+m.ID+`\b`).FindAllString(expression, -1)
			if m.Expression == nil && (len(uses) == 0 || len(uses) != strings.Count(expression, "FILL("+m.ID+", 0)")) {
				t.Errorf("%s: write FILL(%s, 0) in %s", name, m.ID, expression)
			}
		}
	}
	if sums < 3 {
		t.Errorf("found %d sums", sums)
	}
}

// TestPostsThatFailAreAllCounted compares the outcomes of posts with those that ring: all but what is expected of
// clients.
func TestPostsThatFailAreAllCounted(t *testing.T) {
	_, parsed := translated(t)
	alarm := string(oneLine(t, parsed.Resources["PostErrorsAlarm"].Properties["Metrics"]))
	var rings []string
	for _, m := range regexp.MustCompile(`"Name": "Outcome", "Value": "([\w ]+)"`).FindAllStringSubmatch(alarm, -1) {
		rings = append(rings, m[1])
	}
	if slices.Sort(rings); !slices.Equal(rings, []string{"4xx", "5xx", "no answer"}) {
		t.Errorf("posts of the outcomes %q ring", rings)
	}
}

// dashboards returns the bodies with and without metrics.
func dashboards(t *testing.T, parsed Template) []string {
	t.Helper()
	var sub struct {
		Sub []json.RawMessage `json:"Fn::Sub"`
	}
	var body string
	var values struct {
		More struct {
			If []json.RawMessage `json:"Fn::If"`
		}
	}
	if err := json.Unmarshal(parsed.Resources["Dashboard"].Properties["DashboardBody"], &sub); err != nil || len(sub.Sub) != 2 {
		t.Fatal(err, len(sub.Sub))
	}
	if json.Unmarshal(sub.Sub[0], &body) != nil || json.Unmarshal(sub.Sub[1], &values) != nil || len(values.More.If) != 3 {
		t.Fatalf("%s", sub.Sub)
	}
	return []string{strings.Replace(body, "${More}", text(values.More.If[1]), 1), strings.Replace(body, "${More}", text(values.More.If[2]), 1)}
}
