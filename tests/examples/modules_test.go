//go:build full

package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestModulesOfTheirOwn runs the tests of those examples that are modules of their own, which go test does not see from
// the root.
func TestModulesOfTheirOwn(t *testing.T) {
	modules, err := filepath.Glob("../../examples/*/go.mod")
	if err != nil || len(modules) == 0 {
		t.Fatal("there are none", err)
	}
	for _, file := range modules {
		for _, args := range [][]string{{"mod", "tidy", "-diff"}, {"vet", "./..."}, {"test", "./..."}} {
			cmd := exec.Command("go", args...)
			cmd.Dir, cmd.Env = filepath.Dir(file), append(os.Environ(), "GOFLAGS=")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("in %s: go %v: %v: go mod tidy there brings it up to what the root depends on\n%s", cmd.Dir, args, err, out)
			}
		}
	}
}
