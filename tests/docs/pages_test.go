package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// walked are the pages whose commands are run.
var walked = []string{"README.md", "docs/deploy.md", "docs/costs.md"}

// shown are those that have programs and settings besides, of which what is from a file stands there.
var shown = slices.Concat(walked, []string{"CONTRIBUTING.md", "docs/from-node.md", "docs/elsewhere.md", "docs/clients.md",
	"examples/presence/README.md", "examples/cursors/README.md", "examples/progress/README.md", "examples/tracing/README.md", "docs/operate.md"})

func page(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func blocks(t *testing.T, name string) []Block {
	t.Helper()
	all, err := Blocks(page(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return all
}

// TestWhatPagesBuildIsIgnored looks for programs that git would be told of: .gitignore names bin, here and in what doze
// new writes.
func TestWhatPagesBuildIsIgnored(t *testing.T) {
	built := 0
	for _, name := range append(slices.Clone(shown), "docs/serve.md") {
		for _, m := range regexp.MustCompile(`go build (?:-\S+ )*-o (\S+)`).FindAllStringSubmatch(page(t, name), -1) {
			if built++; !strings.HasPrefix(m[1], "bin/") && !strings.HasPrefix(m[1], "/") {
				t.Errorf("%s builds %s: build bin/%s", name, m[1], m[1])
			}
		}
	}
	if built < 5 {
		t.Errorf("found only %d builds", built)
	}
	for _, name := range []string{".gitignore", "cmd/doze/project/.gitignore"} {
		if !strings.Contains("\n"+page(t, name), "\n/bin/\n") {
			t.Errorf("%s does not name /bin/", name)
		}
	}
}

// TestLinksLeadSomewhere follows the relative links of every page, to files, folders and headings.
func TestLinksLeadSomewhere(t *testing.T) {
	followed := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it has gone meanwhile
		}
		if d.IsDir() && (d.Name() == "node_modules" || name != root && strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".md" || strings.Contains(filepath.ToSlash(name), "cmd/doze/project/") {
			return nil // what doze new writes links to the web
		}
		relative, _ := filepath.Rel(root, name)
		for _, target := range Links(page(t, relative)) {
			if strings.Contains(target, "://") {
				continue
			}
			followed++
			file, anchor, _ := strings.Cut(target, "#")
			file = filepath.Join(filepath.Dir(name), file)
			if strings.HasPrefix(target, "#") {
				file = name
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which is not there", relative, target)
			} else if anchor != "" {
				other, _ := filepath.Rel(root, file)
				if !Anchors(page(t, other))[anchor] {
					t.Errorf("%s links to %s, which has no such heading", relative, target)
				}
			}
		}
		return nil
	})
	if err != nil || followed < 20 {
		t.Fatalf("%d links were followed, %v", followed, err)
	}
}

// TestProgramsAreCompiled compares what the pages show of programs with the files that it is from. All of Go is from
// one.
func TestProgramsAreCompiled(t *testing.T) {
	for _, name := range shown {
		for _, b := range blocks(t, name) {
			switch {
			case b.Note != "from" && b.Language == "go":
				t.Errorf("%s:%d: a program that nothing compiles: say where it is from", name, b.Line)
			case b.Note == "from" && !strings.Contains(page(t, b.Value), b.Text):
				t.Errorf("%s:%d: %s has something else", name, b.Line, b.Value)
			}
		}
	}
}

// TestTheTemplateIsExplained looks for each parameter in the page about deployments, and for each alarm in that for
// whoever looks after one.
func TestTheTemplateIsExplained(t *testing.T) {
	template, explained := page(t, "template.yaml"), page(t, "docs/deploy.md")
	_, parameters, _ := strings.Cut(template, "\nParameters:\n")
	parameters, _, _ = strings.Cut(parameters, "\nRules:\n")
	named := regexp.MustCompile(`(?m)^  (\w+):$`).FindAllStringSubmatch(parameters, -1)
	alarms := regexp.MustCompile(`(?m)^  (\w+)Alarm:$`).FindAllStringSubmatch(template, -1)
	if len(named) < 10 || len(alarms) < 3 {
		t.Fatalf("found %d parameters and %d alarms", len(named), len(alarms))
	}
	for _, name := range named {
		if !strings.Contains(explained, "`"+name[1]+"`") {
			t.Errorf("docs/deploy.md says nothing of %s", name[1])
		}
	}
	for _, name := range alarms {
		if !strings.Contains(page(t, "docs/operate.md"), "\n| `"+name[1]+"` | ") {
			t.Errorf("docs/operate.md has no row for %s", name[1])
		}
	}
}

func TestBlocksHaveALanguage(t *testing.T) {
	known := []string{"sh", "go", "js", "yaml", "python", "java", "text"}
	for _, name := range shown {
		for _, b := range blocks(t, name) {
			if !slices.Contains(known, b.Language) {
				t.Errorf("%s:%d: the language %q is none of %q: commands are sh", name, b.Line, b.Language, known)
			}
		}
	}
}

func TestBlocksAreRead(t *testing.T) {
	got, err := Blocks("Text\n\n<!-- not here: it costs -->\n```sh\nmake money\n```\n\n```sh\nls\n```\n\n```text\nfile\n```\n\n  ```js\n  io()\n    .x\n  ```\n" +
		"and\n```text\nfree\n```\n")
	want := []Block{
		{Line: 4, Language: "sh", Text: "make money\n", Note: "not here", Value: "it costs"},
		{Line: 8, Language: "sh", Text: "ls\n", Output: "file\n"},
		{Line: 16, Language: "js", Text: "io()\n  .x\n"},
		{Line: 21, Language: "text", Text: "free\n"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v\nwant %+v", got, err, want)
	}
	for _, wrong := range []string{"```sh\nls\n", "<!-- nothere: x -->\n```sh\nls\n```\n"} {
		if _, err := Blocks(wrong); err == nil {
			t.Errorf("%q is understood", wrong)
		}
	}
	if a := Anchors("# What it costs\n## Node's `x.y`, again\n"); !a["what-it-costs"] || !a["nodes-xy-again"] {
		t.Error(a)
	}
	if l := Links("[a](b.md#c) ![x](y.png)\n```\n[no](no)\n```\n"); !reflect.DeepEqual(l, []string{"b.md#c", "y.png"}) {
		t.Error(l)
	}
}
