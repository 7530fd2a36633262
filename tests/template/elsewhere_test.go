//go:build full

package template

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestAFunctionThatEmitsIsAdded puts the function of docs/elsewhere.md into the template, as the page says, and
// compares its rights with those of the function that handles packets, apart from its log.
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
				Policies           []struct{ PolicyDocument struct{ Statement []any } }
			}
		}
	}
	if err := json.Unmarshal(python(t, "python", "translate.py", file), &parsed); err != nil {
		t.Fatal(err)
	}
	rights := func(role string) (all []any) {
		for _, p := range parsed.Resources[role].Properties.Policies {
			for _, s := range p.PolicyDocument.Statement {
				statement := s.(map[string]any)
				if either, ok := statement["Fn::If"].([]any); ok {
					statement = either[1].(map[string]any)
				}
				if action, _ := json.Marshal(statement["Action"]); !strings.Contains(string(action), "logs:") {
					all = append(all, statement)
				}
			}
		}
		return all
	}
	got, want := rights("AnnounceFunctionRole"), rights("MessageRole")
	if len(want) < 3 || !reflect.DeepEqual(got, want) {
		t.Errorf("it may do\n%v\nand the function that handles packets\n%v", got, want)
	}
	if parsed.Resources["AnnounceFunctionMorning"].Properties.ScheduleExpression == "" {
		t.Error("it has no schedule")
	}
}
