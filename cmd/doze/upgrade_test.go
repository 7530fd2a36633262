package main

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// recorded returns a project as doze new of commit 9ba1448 wrote it, before there were marks: doze new my-shop -module
// example.com/my-shop.
func recorded(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	name := ""
	for line := range strings.Lines(read(t, "testdata", "project-9ba1448.txt")) {
		if strings.HasPrefix(line, "-- ") {
			name = strings.TrimSuffix(strings.TrimPrefix(line, "-- "), " --\n")
			continue
		}
		files[name] += line
	}
	if len(files) < 15 || files["template.yaml"] == "" {
		t.Fatalf("only %d files are recorded", len(files))
	}
	return files
}

// fresh returns a project as doze new writes it now.
func fresh(t *testing.T) map[string]string {
	t.Helper()
	files, err := project{module: "example.com/my-shop"}.marked()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// written puts files into a folder of their own.
func written(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "my-shop")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		place := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(place), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(place, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// contents reads a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(place string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, place)
		files[filepath.ToSlash(name)] = read(t, place)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// upgraded runs doze upgrade on a folder.
func upgraded(t *testing.T, dir string, flags ...string) (said string) {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), slices.Concat([]string{"upgrade", dir}, flags), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// same compares what is written with what is wanted, and goes on.
func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s is\n%.3000s\nnot\n%.3000s", name, got[name], text)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("there is %s too", name)
		}
	}
}

// section returns the files that a report has below a line that begins so.
func section(report, head string) (names []string) {
	_, rest, _ := strings.Cut(report, "\n"+head)
	_, rest, _ = strings.Cut(rest, "\n")
	for line := range strings.Lines(rest) {
		name, ok := strings.CutPrefix(line, "    ")
		if !ok {
			break
		}
		names = append(names, strings.TrimSpace(name))
	}
	return names
}

// wanted is what becomes of a recorded project: what is Doze's as doze new writes it now, the rest as it was.
func wanted(t *testing.T, was map[string]string) map[string]string {
	want := maps.Clone(was)
	for name, text := range fresh(t) {
		if isDozes(name) || name == listName {
			want[name] = text
		}
	}
	return want
}

// withoutModules takes away what other tests look at.
func withoutModules(files map[string]string) map[string]string {
	files = maps.Clone(files)
	delete(files, "go.mod")
	delete(files, "go.sum")
	return files
}

// TestAProjectFromBeforeMarksIsUpgraded has nobody change anything, except for names.
func TestAProjectFromBeforeMarksIsUpgraded(t *testing.T) {
	was := recorded(t)
	dir := written(t, was)
	before := contents(t, dir)
	said := upgraded(t, dir, "-n")
	same(t, contents(t, dir), before)
	if !strings.Contains(said, "Nothing is done.") {
		t.Error(said)
	}
	another, err := filepath.EvalSymlinks(written(t, was))
	if err != nil {
		t.Fatal(err)
	}
	said = upgraded(t, another) // the tests run in a clone
	if m := regexp.MustCompile(`go mod edit -replace ` + ours + `=(\S+) `).FindStringSubmatch(said); m == nil || !isClone(filepath.Join(another, m[1])) {
		t.Errorf("from within a clone it does not say where that is: %q\n%s", m, said)
	}
	t.Chdir(t.TempDir())
	said = upgraded(t, dir)
	same(t, withoutModules(contents(t, dir)), withoutModules(wanted(t, was)))
	if got := section(said, "replaced"); len(got) != 10 {
		t.Errorf("replaced are %q:\n%s", got, said)
	}
	if strings.Contains(said, "left as") || !strings.Contains(said, "go mod edit -replace "+ours+"=PATH") || !strings.Contains(said, "make test") {
		t.Error(said)
	}
	after := contents(t, dir)
	if said := upgraded(t, dir); !strings.HasSuffix(said, " already.\n") {
		t.Errorf("the second time: %s", said)
	}
	same(t, contents(t, dir), after)
}

// TestANewProjectNeedsNoUpgrade has every file that is Doze's marked, with the hash of its text.
func TestANewProjectNeedsNoUpgrade(t *testing.T) {
	files := fresh(t)
	for name, text := range files {
		if m, rest, found := unmarked(name, text); found != isDozes(name) || found && (m != mark{unreleased, project{module: "example.com/my-shop"}.hash(name, rest)}) {
			t.Errorf("%s has the mark %v %v", name, m, found)
		}
	}
	dir := written(t, files)
	if said := upgraded(t, dir); said != "example.com/my-shop is of this unreleased version already.\n" {
		t.Error(said)
	}
	same(t, contents(t, dir), files)
}

// TestWhatSomebodyHasChangedIsShownAndLeft starts before marks and after.
func TestWhatSomebodyHasChangedIsShownAndLeft(t *testing.T) {
	for start, files := range map[string]map[string]string{"recorded": recorded(t), "marked": older(t, fresh(t))} {
		t.Run(start, func(t *testing.T) {
			files["Makefile"] += "mine:\n\techo mine\n"
			files["functions/poll/main.go"] = strings.Replace(files["functions/poll/main.go"], "func main() {", "func main() {\n\tprintln(`mine`)", 1)
			files["cmd/dev/main.go"] = "no Go at all\n"
			files["app/app.go"] += "// mine\n"
			dir := written(t, files)
			said := upgraded(t, dir)
			want := wanted(t, files)
			changed := []string{"Makefile", "cmd/dev/main.go", "functions/poll/main.go"}
			for _, name := range changed {
				want[name] = files[name]
			}
			same(t, withoutModules(contents(t, dir)), withoutModules(want))
			if got := section(said, "left as they are"); !slices.Equal(got, changed) {
				t.Errorf("left are %q", got)
			}
			for _, line := range []string{"--- Makefile\n+++ Doze's Makefile\n@@ ", "\n-\techo mine\n", "\n-\tprintln(`mine`)\n", "\n-no Go at all\n", "\n+# doze unreleased "} {
				if !strings.Contains(said, line) {
					t.Errorf("there is no %q in\n%s", line, said)
				}
			}
			// Nothing is forgotten, and nothing is done to them, as long as nobody says so.
			if again := upgraded(t, dir); !strings.Contains(again, "\n-\techo mine\n") || !strings.Contains(again, "but for what you have changed") {
				t.Error(again)
			}
			// Taking over a part of it with the first line is what settles it.
			line, _, _ := strings.Cut(fresh(t)["Makefile"], "\n")
			_, text, _ := unmarked("Makefile", files["Makefile"])
			if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte(line+"\n"+text), 0o666); err != nil {
				t.Fatal(err)
			}
			said = upgraded(t, dir, "-take", "cmd/dev/main.go,./functions/poll/main.go")
			if got := section(said, "left as they are: you have changed them, and Doze has nothing new"); !slices.Equal(got, []string{"Makefile"}) || strings.Contains(said, "@@") {
				t.Error(said)
			}
			want["Makefile"] = line + "\n" + text
			want["cmd/dev/main.go"], want["functions/poll/main.go"] = fresh(t)["cmd/dev/main.go"], fresh(t)["functions/poll/main.go"]
			same(t, withoutModules(contents(t, dir)), withoutModules(want))
		})
	}
}

// TestAMarkIsFoundBelowWhatSomebodyHasPutAboveIt has a licence above, a byte order mark, and a mark that has gone.
func TestAMarkIsFoundBelowWhatSomebodyHasPutAboveIt(t *testing.T) {
	files := fresh(t)
	marked := files["cmd/dev/main.go"]
	files["cmd/dev/main.go"] = "// Copyright of mine.\n\n" + marked
	files["Makefile"] = "\ufeff" + files["Makefile"]
	_, files["samconfig.toml"], _ = unmarked("samconfig.toml", files["samconfig.toml"])
	dir := written(t, files)
	said := upgraded(t, dir)
	if got := section(said, "left as they are: you have changed them, and Doze has nothing new"); !slices.Equal(got, []string{"cmd/dev/main.go"}) {
		t.Errorf("%q\n%s", got, said)
	}
	if got := section(said, "replaced"); !slices.Equal(got, []string{"samconfig.toml"}) { // it is Doze's to the letter
		t.Errorf("%q\n%s", got, said)
	}
}

// older makes a project of another version of Doze of one: each of Doze's files has a line that has gone since.
func older(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	p := project{module: "example.com/my-shop"}
	for name, text := range files {
		if m, rest, found := unmarked(name, text); found {
			rest += comment(name) + "of old\n"
			files[name] = mark{m.version, p.hash(name, rest)}.marked(name, rest)
		}
	}
	return files
}

func TestAnOlderVersionIsReplacedWhateverItsNamesAndEndings(t *testing.T) {
	for what, make := range map[string]func() map[string]string{
		"older":    func() map[string]string { return older(t, fresh(t)) },
		"recorded": func() map[string]string { return recorded(t) },
	} {
		t.Run(what, func(t *testing.T) {
			files := make()
			for name, text := range files { // as git has it on Windows; the module and the stack have other names now
				text = strings.ReplaceAll(text, "example.com/my-shop", "a.example/zoo")
				text = strings.Replace(text, `stack_name = "my-shop"`, `stack_name = "shop-in-production"`, 1)
				files[name] = strings.ReplaceAll(text, "\n", "\r\n")
			}
			dir := written(t, files)
			said := upgraded(t, dir)
			if strings.Contains(said, "left as") || len(section(said, "replaced")) != 10 {
				t.Error(said)
			}
			now := contents(t, dir)
			for name, text := range fresh(t) {
				if !isDozes(name) {
					continue
				}
				m, _, _ := unmarked(name, text)
				got, rest, found := unmarked(name, now[name])
				if !found || got != m || (project{module: "a.example/zoo"}).hash(name, rest) != m.hash || strings.Contains(rest, "of old") {
					t.Errorf("%s is now\n%s", name, now[name])
				}
				if strings.Count(now[name], "\n") != strings.Count(now[name], "\r\n") {
					t.Errorf("%s has lines that end in another way", name)
				}
			}
			if !strings.Contains(now["samconfig.toml"], `stack_name = "shop-in-production"`) {
				t.Error("another stack would be deployed:", now["samconfig.toml"])
			}
			if !strings.Contains(now["functions/poll/main.go"], "\"a.example/zoo/app\"\r\n") || now["app/app.go"] != files["app/app.go"] {
				t.Error("the functions import another app, or the app was changed")
			}
			if said := upgraded(t, dir); !strings.HasSuffix(said, " already.\n") {
				t.Errorf("the second time: %s", said)
			}
		})
	}
}

func TestWhatSomebodyHasDeletedStaysAway(t *testing.T) {
	for start, files := range map[string]map[string]string{"recorded": recorded(t), "marked": fresh(t)} {
		t.Run(start, func(t *testing.T) {
			for _, name := range []string{"functions/disconnect/main.go", "samconfig.toml", "app/page/page.js"} {
				delete(files, name)
			}
			dir := written(t, files)
			said := upgraded(t, dir)
			if got := section(said, "left out"); !slices.Equal(got, []string{"functions/disconnect/main.go", "samconfig.toml"}) {
				t.Errorf("%q\n%s", got, said)
			}
			want := wanted(t, files)
			delete(want, "functions/disconnect/main.go")
			delete(want, "samconfig.toml")
			same(t, withoutModules(contents(t, dir)), withoutModules(want))
			upgraded(t, dir, "-take", "samconfig.toml")
			want["samconfig.toml"] = fresh(t)["samconfig.toml"]
			same(t, withoutModules(contents(t, dir)), withoutModules(want))
		})
	}
}

// TestFilesComeAndGoWithVersions has a file that the older version did not have, and one that it alone has.
func TestFilesComeAndGoWithVersions(t *testing.T) {
	files := fresh(t)
	delete(files, "functions/heartbeat/main.go")
	files["functions/old/main.go"] = files["functions/poll/main.go"]
	files[listName] = strings.Replace(files[listName], "functions/heartbeat/", "functions/old/", 1)
	dir := written(t, files)
	said := upgraded(t, dir)
	if got := section(said, "added"); !slices.Equal(got, []string{"functions/heartbeat/main.go"}) {
		t.Error(said)
	}
	if got := section(said, "left as they are: Doze has no use"); !slices.Equal(got, []string{"functions/old/main.go"}) {
		t.Error(said)
	}
	want := fresh(t)
	want["functions/old/main.go"] = files["functions/old/main.go"]
	same(t, contents(t, dir), want)

	// One that somebody has made where Doze has one now.
	files["functions/heartbeat/main.go"] = "package main // mine\n"
	dir = written(t, files)
	if said := upgraded(t, dir); !strings.Contains(said, "\n-package main // mine\n") || read(t, dir, "functions", "heartbeat", "main.go") != "package main // mine\n" {
		t.Error(said)
	}
}

// TestModulesAreCompleted has a go.mod that lacks something, has something of its own, older and newer versions.
func TestModulesAreCompleted(t *testing.T) {
	files := fresh(t)
	mod, err := modfile.Parse("go.mod", []byte(files["go.mod"]), nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, r := range mod.Require {
		versions[r.Mod.Path] = r.Mod.Version
	}
	const lambda, dynamo, sqs = "github.com/aws/aws-lambda-go", "github.com/aws/aws-sdk-go-v2/service/dynamodb", "github.com/aws/aws-sdk-go-v2/service/sqs"
	text := files["go.mod"]
	text = strings.Replace(text, lambda+" "+versions[lambda], lambda+" v1.0.0 // mine", 1)
	text = strings.Replace(text, dynamo+" "+versions[dynamo], dynamo+" v1.999.0", 1)
	text = strings.Replace(text, "\t"+sqs+" "+versions[sqs]+" // indirect\n", "\texample.com/mine v1.2.3\n", 1)
	text = strings.Replace(text, "go 1.26.0", "go 1.20", 1)
	files["go.mod"] = text + "\nreplace " + ours + " => ../doze\n"
	lines := strings.SplitAfter(files["go.sum"], "\n")
	files["go.sum"] = strings.Join(lines[4:], "") + "example.com/mine v1.2.3 h1:x"
	for _, end := range []string{"\n", "\r\n"} {
		crlf := maps.Clone(files)
		for _, name := range []string{"go.mod", "go.sum"} {
			crlf[name] = strings.ReplaceAll(files[name], "\n", end)
		}
		dir := written(t, crlf)
		said := upgraded(t, dir)
		if !slices.Equal(section(said, "completed"), []string{"go.sum", "go.mod"}) || !strings.Contains(said, "the Doze in ../doze") {
			t.Error(said)
		}
		sums := strings.Split(read(t, dir, "go.sum"), end)
		for _, line := range append(lines, "example.com/mine v1.2.3 h1:x") {
			if !slices.Contains(sums, strings.TrimSuffix(line, "\n")) {
				t.Errorf("go.sum has no %s", line)
			}
		}
		now := read(t, dir, "go.mod")
		if strings.Count(now, "\n") != strings.Count(now, end) {
			t.Errorf("lines end in another way:\n%s", now)
		}
		mod, err := modfile.Parse("go.mod", []byte(now), nil)
		if err != nil {
			t.Fatal(err)
		}
		want := maps.Clone(versions)
		want[dynamo], want["example.com/mine"] = "v1.999.0", "v1.2.3"
		got := map[string]string{}
		for _, r := range mod.Require {
			got[r.Mod.Path] = r.Mod.Version
		}
		if !maps.Equal(got, want) || mod.Go.Version != "1.26.0" || !strings.Contains(now, "// mine") || len(mod.Replace) != 1 {
			t.Errorf("go.mod is\n%s", now)
		}
	}
}

// TestAReleaseIsRequired brings a project to a release, and not back.
func TestAReleaseIsRequired(t *testing.T) {
	dir := written(t, recorded(t))
	to := func(version string) error {
		u, err := readProject(dir, project{version: version})
		if err != nil {
			return err
		}
		files, err := u.files()
		if err != nil {
			return err
		}
		if err := u.plan(files, nil); err != nil {
			return err
		}
		return u.write()
	}
	if err := to("v0.2.0"); err != nil {
		t.Fatal(err)
	}
	if mod, poll := read(t, dir, "go.mod"), read(t, dir, "functions", "poll", "main.go"); !strings.Contains(mod, "\t"+ours+" v0.2.0\n") || !strings.HasPrefix(poll, "// doze v0.2.0 ") {
		t.Errorf("%s\n%s", mod, poll)
	}
	before := contents(t, dir)
	if err := to("v0.1.9"); err == nil || !strings.HasSuffix(err.Error(), "go install "+ours+"/cmd/doze@v0.2.0") {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(strings.Replace(before["go.mod"], "v0.2.0", "v0.1.0", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := to("v0.1.9"); err == nil || !strings.Contains(err.Error(), "of Doze v0.2.0") { // the marks say so
		t.Error(err)
	}
	if err := to("v0.10.0"); err != nil { // newer, though not for who compares texts
		t.Error(err)
	}
	if err := to(""); err != nil || !strings.Contains(read(t, dir, "go.mod"), "\t"+ours+" v0.10.0\n") { // no release that go.mod could require
		t.Error(err, read(t, dir, "go.mod"))
	}
}

func TestOnlyProjectsAreUpgraded(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"it has no go.mod":     {"main.go": "package main\n"},
		"unknown directive":    {"go.mod": "nonsense\n"},
		"begins with module":   {"go.mod": "go 1.26\n"},
		"does not require":     {"go.mod": "module example.com/other\n", "functions/message/main.go": "package main\n"},
		"is Doze itself":       {"go.mod": "module " + ours + "\n"},
		"has neither .doze":    {"go.mod": "module example.com/chat\n\nrequire " + ours + " v0.1.0\n", "Makefile": "mine:\n"},
		"Makefile is no file,": {"go.mod": "module example.com/chat\n\nrequire " + ours + " v0.1.0\n", ".doze": "", "Makefile/mine": ""},
	} {
		dir := written(t, files)
		before := contents(t, dir)
		var out bytes.Buffer
		err := run(t.Context(), []string{"upgrade", dir}, &out, &out)
		if err == nil || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("%v %s, want %q", err, out.String(), want)
		}
		same(t, contents(t, dir), before)
	}
	t.Chdir(written(t, recorded(t)))
	for args, want := range map[string]string{"-take app/app.go": "Doze has no such file; it has .gitignore, Makefile", "one two": "one folder, not 2", "nowhere": "it has no go.mod"} {
		if err := run(t.Context(), append([]string{"upgrade"}, strings.Fields(args)...), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
	if _, err := os.Stat(listName); err == nil {
		t.Error("something was written")
	}
	if err := run(t.Context(), []string{"upgrade"}, io.Discard, io.Discard); err != nil { // this folder
		t.Error(err)
	}
	if _, err := os.Stat(listName); err != nil {
		t.Error(err)
	}
}

// TestAFolderThatIsAFileIsAnError: nothing is written then.
func TestAFolderThatIsAFileIsAnError(t *testing.T) {
	files := fresh(t)
	delete(files, "functions/heartbeat/main.go")
	files[listName] = strings.Replace(files[listName], "functions/heartbeat/main.go\n", "", 1)
	files["functions/heartbeat"] = "a file\n"
	dir := written(t, files)
	err := run(t.Context(), []string{"upgrade", dir}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "heartbeat") {
		t.Error(err)
	}
	same(t, contents(t, dir), files)
}
