//go:build full

package template

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAFunctionThatEmitsIsAdded puts the function of docs/elsewhere.md into the template, as the page says: it gets the
// emitter's rights, which TestTemplateFitsTheCode compares with what an emitter calls.
func TestAFunctionThatEmitsIsAdded(t *testing.T) {
	whole, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadFile(filepath.Join(root, "tests/docs/elsewhere/function.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const end = "\nOutputs:\n"
	if n := strings.Count(string(whole), end); n != 1 {
		t.Fatalf("the template has %d outputs", n)
	}
	file := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(whole), end, "\n"+string(more)+end, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	python(t, "cfn-lint", file)
	var parsed struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				ScheduleExpression string
				ManagedPolicyArns  []json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(python(t, "python", "translate.py", file), &parsed); err != nil {
		t.Fatal(err)
	}
	var policies []string
	for _, raw := range parsed.Resources["AnnounceFunctionRole"].Properties.ManagedPolicyArns {
		policies = append(policies, text(raw))
	}
	if !slices.Contains(policies, "EmitterPolicy") {
		t.Errorf("it has the policies %q", policies)
	}
	if parsed.Resources["AnnounceFunctionMorning"].Properties.ScheduleExpression == "" {
		t.Error("it has no schedule")
	}
}
