package main

import (
	"bytes"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// newIn runs doze new in a folder of its own.
func newIn(t *testing.T, folder string, args ...string) (said string, err error) {
	t.Helper()
	t.Chdir(folder)
	var out bytes.Buffer
	err = run(t.Context(), append([]string{"new"}, args...), &out, &out)
	return out.String(), err
}

func read(t *testing.T, names ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(names...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAProjectHasWhatTheRepositoryHas(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if _, err := newIn(t, folder, "my-shop", "-module", "example.com/my.shop", "-replace", root); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return read(t, folder, "my-shop", name) }
	if _, template, marked := unmarked("template.yaml", at("template.yaml")); !marked || template != read(t, root, "template.yaml") {
		t.Error("the template is another one")
	}
	for line := range strings.SplitSeq(read(t, root, "samconfig.toml"), "\n") {
		if line == `stack_name = "doze"` {
			line = `stack_name = "my-shop"`
		}
		if !strings.Contains(at("samconfig.toml"), line+"\n") {
			t.Errorf("samconfig.toml has no %q", line)
		}
	}
	var names []string
	err = filepath.WalkDir(filepath.Join(folder, "my-shop"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text := read(t, name)
		name, _ = filepath.Rel(filepath.Join(folder, "my-shop"), name)
		names = append(names, filepath.ToSlash(name))
		if strings.Contains(text, ownPath) || strings.Contains(text, ours+"/app") || strings.Contains(text, "PROJECT") || strings.Contains(text, "STEPS") {
			t.Errorf("%s still has a name of Doze's own", name)
		}
		if strings.HasSuffix(name, ".go") {
			if strings.Contains(text, "engine.") || strings.Contains(text, "/pkg/engine") {
				t.Errorf("%s names something of pkg/engine, which an application needs not know", name)
			}
			if formatted, err := format.Source([]byte(text)); err != nil || string(formatted) != text {
				t.Errorf("%s is not formatted: %v", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".doze", ".gitignore", "Makefile", "README.md", "app/app_test.go", "app/page/page.css", "app/page/page.js", "cmd/dev/main.go",
		"functions/connect/main.go", "functions/disconnect/main.go", "functions/heartbeat/main.go", "functions/message/main.go", "functions/poll/main.go", "go.mod", "go.sum"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s", want)
		}
	}
	if !strings.Contains(at("functions/connect/main.go"), "\t\"example.com/my.shop/app\"\n") {
		t.Error("the functions do not import the project's app")
	}
	if mod := at("go.mod"); !strings.Contains(mod, "replace "+ours+" => "+root+"\n") {
		t.Errorf("go.mod has no replacement:\n%s", mod)
	}
	recipe := regexp.MustCompile(`(?m)^build-MessageFunction.*:\n\tCGO_ENABLED.*\\\n.*$`)
	if mine, theirs := recipe.FindString(at("Makefile")), recipe.FindString(read(t, root, "Makefile")); mine != theirs || mine == "" {
		t.Errorf("the functions are built by\n%s\nthose of Doze itself by\n%s", mine, theirs)
	}
}

func TestReplacementsAreRelativeWhenTheyAreGivenSo(t *testing.T) {
	clone := t.TempDir()
	if err := os.WriteFile(filepath.Join(clone, "go.mod"), []byte("module "+ours+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ replace, dir, want string }{
		{".", "shop", "../"},
		{".", "../shop-" + filepath.Base(clone), "../" + filepath.Base(clone)},
		{clone, "another", clone},
	} {
		t.Cleanup(func() { os.RemoveAll(filepath.Join(clone, c.dir)) })
		if _, err := newIn(t, clone, "-replace", c.replace, "-module", "shop", c.dir); err != nil {
			t.Fatal(err)
		}
		if mod := read(t, clone, c.dir, "go.mod"); !strings.Contains(mod, "=> "+strings.TrimSuffix(c.want, "/")+"\n") {
			t.Errorf("-replace %s in %s: want %s\n%s", c.replace, c.dir, c.want, mod)
		}
	}
}

// TestWhatIsPrintedIsWhatTheREADMESays compares the steps, of which both have all.
func TestWhatIsPrintedIsWhatTheREADMESays(t *testing.T) {
	for _, args := range []string{"shop", "-replace . other"} {
		clone := t.TempDir()
		if err := os.WriteFile(filepath.Join(clone, "go.mod"), []byte("module "+ours+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		said, err := newIn(t, clone, strings.Fields(args)...)
		if err != nil {
			t.Fatal(err)
		}
		dir := strings.Fields(args)[len(strings.Fields(args))-1]
		_, steps, _ := strings.Cut(said, "\n    cd "+dir+"\n")
		first, _, _ := strings.Cut(steps, " #")
		if strings.TrimSpace(first) != "make dev" || strings.Count(steps, "\n") < 3 {
			t.Errorf("doze new %s prints\n%s", args, said)
		}
		_, shown, _ := strings.Cut(read(t, clone, dir, "README.md"), "\n```sh\n")
		if shown, _, _ = strings.Cut(shown, "```\n"); strings.ReplaceAll("\n"+steps, "\n    ", "\n") != "\n"+shown {
			t.Errorf("the README has\n%s\nprinted is\n%s", shown, steps)
		}
	}
	released, local := project{module: "x", version: "v0.1.0"}.steps(), project{module: "x", version: "v0.1.0", replace: "../doze"}.steps()
	if released[0].command != "go mod tidy" || local[0].command != "make dev" {
		t.Errorf("%v\n%v", released, local)
	}
}

// TestWithoutAReleaseTheCloneAroundIsBuiltWith is about folders in a clone, and about one that is in none.
func TestWithoutAReleaseTheCloneAroundIsBuiltWith(t *testing.T) {
	clone, outside := filepath.Join(t.TempDir(), "a clone"), t.TempDir()
	for name, text := range map[string]string{"go.mod": "// Its module:\r\nmodule " + ours + "\r\n", "tools/go.mod": "module " + ours + "/tools\n", "tools/deep/file": ""} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(clone, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(clone, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(outside, "link")
	if err := os.Symlink(filepath.Join(clone, "tools", "deep"), link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ in, dir, want string }{
		{clone, "../shop", `"../a clone"`},
		{clone, "shop", ".."},
		{filepath.Join(clone, "tools", "deep"), "../../../deeper", `"../a clone"`},
		{link, "linked", "../../.."},
	} {
		said, err := newIn(t, c.in, c.dir)
		if err != nil {
			t.Fatal(err)
		}
		if mod := read(t, c.in, c.dir, "go.mod"); !strings.HasSuffix(mod, "\nreplace "+ours+" => "+c.want+"\n") {
			t.Errorf("doze new %s in %s: want %s\n%s", c.dir, c.in, c.want, mod)
		}
		if !strings.Contains(said, "There is no release of Doze yet, so that go.mod builds with this clone: replace "+ours+" => "+strings.Trim(c.want, `"`)+"\n") {
			t.Errorf("doze new %s in %s says\n%s", c.dir, c.in, said)
		}
	}
	said, err := newIn(t, outside, "a shop", "-module", "shop")
	if err == nil || said != "" || !strings.HasSuffix(err.Error(), ": doze new -replace doze 'a shop'") || !strings.Contains(err.Error(), "git clone https://"+ours) {
		t.Errorf("outside of a clone: %v, printed %q", err, said)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 { // the link
		t.Error(left, err)
	}
}

func TestWithoutGoNothingIsWritten(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("PATH", folder)
	_, err := newIn(t, folder, "shop")
	if err == nil || !strings.Contains(err.Error(), "install Go 1.26") || !strings.Contains(err.Error(), "https://go.dev/dl/") {
		t.Error(err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

func TestAProjectIsWrittenWholeOrNotAtAll(t *testing.T) {
	clone, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{"full/mine": "keep", "file": "keep", "empty/": ""} {
		if err := os.MkdirAll(filepath.Join(folder, filepath.Dir(name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if text != "" {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct{ args, want string }{
		{"", "doze new DIR"},
		{"one two", "doze new DIR"},
		{"-nonsense new", "doze new -h lists the flags"},
		{"full", "not empty"},
		{"file", "name a new folder"},
		{"nowhere/new", "no folder"},
		{"My.App!", "-module example.com/chat"},
		{"..new", "-module example.com/chat"},
		{"new -module ../x", "cannot be the path"},
		{"new -module a//b", "cannot be the path"},
		{"new -module cmd", "means something else to Go"},
		{"new -module github.com/dozeio/doze/shop", "Doze itself"},
		{"new -replace full", "no clone of Doze"},
		{"new -replace nowhere", "no clone of Doze"},
	} {
		said, err := newIn(t, folder, append([]string{"-replace", clone}, strings.Fields(c.args)...)...)
		if err == nil || !strings.Contains(said+err.Error(), c.want) {
			t.Errorf("doze new %s: %v %s, want %q", c.args, err, said, c.want)
		}
	}
	var names []string
	for _, pattern := range []string{"*", "*/*", "*/.*", ".*"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	if slices.Sort(names); len(names) != 4 { // empty, file, full, full/mine
		t.Errorf("these are left: %q", names)
	}
	if _, err := newIn(t, folder, "-replace", clone, "empty"); err != nil {
		t.Errorf("an empty folder is refused: %v", err)
	}
}

// TestNamesThatAreGosOwnAreRefused has names of folders, and what to write instead.
func TestNamesThatAreGosOwnAreRefused(t *testing.T) {
	folder := t.TempDir()
	for name, want := range map[string]string{
		"go": "write -module example.com/go,", "toolchain": "-module example.com/toolchain,", "std": "-module example.com/std,",
		"vendor": "folders named vendor: write -module example.com/chat,", "fmt": "standard library of Go: write -module example.com/fmt,",
		"internal": "-module example.com/internal,", "archive": "-module example.com/archive,", "cmd": "-module example.com/cmd,",
		"con": `"con" disallowed`, "aux.shop": `"aux" disallowed`, "a~1": "trailing tilde", "a b": "cannot be the path", ".shop": "cannot be the path",
		"Shop": "cannot be the path", "shöp": "cannot be the path", "a\nb": "cannot be the path",
	} {
		if _, err := newIn(t, folder, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("doze new %q: %v, want %s", name, err, want)
		}
	}
	for module, want := range map[string]string{
		"example.com/vendor/shop": "vendor", "fmt/shop": "-module example.com/fmt/shop,", "example.com/shop/v1": "version", "gopkg.in/shop": "version",
		"github.com/aws/aws-sdk-go-v2": "Doze needs", "example.com/nul": "disallowed",
	} {
		if _, err := newIn(t, folder, "-module", module, "shop"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("doze new -module %s: %v, want %s", module, err, want)
		}
	}
	for _, module := range []string{"shop", "test", "example", "gocery", "example.com/go", "example.com/fmt", "example.com/internal/shop", "example.com/shop/v2", "fmt.example", "vendors", "2048"} {
		if err := checkModule(module); err != nil { // Go keeps test and example free for users
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// TestAFailureWhileWritingLeavesTheFolderAsItWas has a file that cannot be written: its folder is another file.
func TestAFailureWhileWritingLeavesTheFolderAsItWas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for _, there := range []bool{false, true} {
		if there {
			if err := os.Mkdir(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if err := writeFolder(dir, map[string]string{"a": "", "a/b": "", "c": ""}); err == nil {
			t.Fatal("it was written")
		}
		if left, err := os.ReadDir(dir); (err == nil) != there || len(left) > 0 {
			t.Errorf("left %v %v", left, err)
		}
	}
}

func TestStacksHaveNamesThatCloudFormationTakes(t *testing.T) {
	for module, want := range map[string]string{"shop": "shop", "example.com/my_shop.v2": "my-shop-v2", "example.com/2048": "doze-2048", "x/_": "doze"} {
		if got := (project{module: module}).stack(); got != want {
			t.Errorf("%s: %s, want %s", module, got, want)
		}
	}
}
