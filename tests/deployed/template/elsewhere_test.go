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
	file := withFunction(t, "tests/docs/elsewhere/function.yaml")
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

// TestTheJobOfTheExampleIsAdded: it may send to the queue, whose address it has, and nothing else.
func TestTheJobOfTheExampleIsAdded(t *testing.T) {
	var parsed struct {
		Resources struct {
			ChecksumFunction struct {
				Properties struct {
					Environment struct{ Variables map[string]json.RawMessage }
				}
			}
			ChecksumFunctionRole struct {
				Properties struct {
					Policies []struct {
						PolicyDocument struct {
							Statement []struct {
								Action   string
								Resource struct {
									GetAtt []string `json:"Fn::GetAtt"`
								}
							}
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(python(t, "python", "translate.py", withFunction(t, "examples/progress/function.yaml")), &parsed); err != nil {
		t.Fatal(err)
	}
	if got := text(parsed.Resources.ChecksumFunction.Properties.Environment.Variables["DOZE_QUEUE"]); got != "JobQueue" {
		t.Errorf("DOZE_QUEUE is %q", got)
	}
	var rights []string
	for _, p := range parsed.Resources.ChecksumFunctionRole.Properties.Policies {
		for _, s := range p.PolicyDocument.Statement {
			rights = append(rights, s.Action+" on "+strings.Join(s.Resource.GetAtt, "."))
		}
	}
	if want := []string{"sqs:SendMessage on JobQueue.Arn"}; !slices.Equal(rights, want) {
		t.Errorf("it may %q, want %q", rights, want)
	}
}

// withFunction puts a function into a copy of the template, as a page says, and lints that.
func withFunction(t *testing.T, function string) (file string) {
	t.Helper()
	whole, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadFile(filepath.Join(root, function))
	if err != nil {
		t.Fatal(err)
	}
	const end = "\nOutputs:\n"
	if n := strings.Count(string(whole), end); n != 1 {
		t.Fatalf("the template has %d outputs", n)
	}
	file = filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(whole), end, "\n"+string(more)+end, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	python(t, "cfn-lint", file)
	return file
}
