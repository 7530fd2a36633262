package docs

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// largest is how large a file of the repository may be. What is larger is built or recorded, and stays in the history
// for good, as a binary of doze does that was committed once.
const largest = 1 << 20

// TestNoFileIsLarge looks at what git tracks.
func TestNoFileIsLarge(t *testing.T) {
	cmd := exec.Command("git", "ls-files", "-z")
	cmd.Dir = root
	list, err := cmd.Output()
	if err != nil {
		t.Fatal("git ls-files: ", err)
	}
	names := strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00")
	if !slices.Contains(names, "go.mod") {
		t.Fatalf("git tracks %q", names)
	}
	for _, name := range tooLarge(t, root, names) {
		t.Errorf("%s is larger than 1 MiB: take it out with git rm --cached, and name it in .gitignore where something builds it", name)
	}
}

func TestAFileOfAMiBIsTheLargest(t *testing.T) {
	folder := t.TempDir()
	for name, size := range map[string]int{"fits": largest, "large": largest + 1} {
		if err := os.WriteFile(filepath.Join(folder, name), make([]byte, size), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got := tooLarge(t, folder, []string{"deleted", "fits", "large"}); !slices.Equal(got, []string{"large"}) {
		t.Errorf("too large are %q", got)
	}
}

// tooLarge returns those of a folder's files that are too large. A file that is deleted, and of which git is not told
// yet, is not.
func tooLarge(t *testing.T, folder string, names []string) (large []string) {
	t.Helper()
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(folder, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			t.Fatal(err)
		case info.Size() > largest:
			large = append(large, name)
		}
	}
	return large
}
