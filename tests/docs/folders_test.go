package docs

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inRows are the folders that the first column of a table names.
var inRows = regexp.MustCompile("`([\\w/]+)/`")

// TestEachFolderOfTestsHasItsRow compares the folders in tests, and those of folders that hold nothing but folders,
// with the table of tests/README.md.
func TestEachFolderOfTestsHasItsRow(t *testing.T) {
	var rows []string
	for line := range strings.Lines(page(t, "tests/README.md")) {
		if cells := strings.Split(line, "|"); len(cells) > 2 && cells[0] == "" {
			for _, m := range inRows.FindAllStringSubmatch(cells[1], -1) {
				rows = append(rows, m[1])
			}
		}
	}
	folders := foldersIn(t, os.DirFS(root+"/tests"), ".")
	if len(folders) < 10 {
		t.Fatalf("found only %q", folders)
	}
	for _, f := range folders {
		if !slices.Contains(rows, f) {
			t.Errorf("tests/%s has no row in tests/README.md: say what it shows", f)
		}
	}
	for i, r := range rows {
		if !slices.Contains(folders, r) {
			t.Errorf("tests/README.md has a row for %s/, which is not there", r)
		}
		if slices.Contains(rows[:i], r) {
			t.Errorf("tests/README.md has two rows for %s/", r)
		}
	}
}

func foldersIn(t *testing.T, tests fs.FS, under string) (names []string) {
	t.Helper()
	entries, err := fs.ReadDir(tests, under)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules" || e.Name() == "artifacts" {
			continue
		}
		name := path.Join(under, e.Name())
		inside, err := fs.ReadDir(tests, name)
		switch {
		case err != nil:
			t.Fatal(err)
		case len(inside) == 0: // what a change of branches has left
		case slices.ContainsFunc(inside, func(e fs.DirEntry) bool { return !e.IsDir() }):
			names = append(names, name)
		default:
			names = append(names, foldersIn(t, tests, name)...)
		}
	}
	return names
}
