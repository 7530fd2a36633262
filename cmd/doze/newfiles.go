package main

import (
	"cmp"
	"embed"
	"fmt"
	"go/format"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dozeio/doze"
)

// own is what a new project has of its own: packages of this module, compiled and tested like any other.
//
//go:embed all:project
var own embed.FS

// ownPath is the import path of own, which becomes the new module's.
const ownPath = ours + "/cmd/doze/project"

// unneeded are the modules that Doze depends on, and a project with it does not: what its command and its tests use.
// That go.sum has their sums too does no harm.
var unneeded = strings.Fields(`
github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream
github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi
github.com/aws/aws-sdk-go-v2/service/cloudformation
github.com/aws/aws-sdk-go-v2/service/cloudwatch
github.com/aws/aws-sdk-go-v2/service/lambda
github.com/aws/aws-sdk-go-v2/service/servicequotas
github.com/google/uuid
github.com/rogpeppe/go-internal
golang.org/x/mod`)

// marked returns what doze new writes, by name, with Doze's marks, and the list of what has one.
func (p project) marked() (map[string]string, error) {
	files, err := p.files()
	if err != nil {
		return nil, err
	}
	var names []string
	for name, text := range files {
		if isDozes(name) {
			names = append(names, name)
			files[name] = mark{cmp.Or(p.version, unreleased), p.hash(name, text)}.marked(name, text)
		}
	}
	files[listName] = list(names)
	return files, nil
}

// listName is the file that says which of a project's files are Doze's.
const listName = ".doze"

const listHead = `# The files of this project that doze new and doze upgrade have written. Keep this list with them: doze upgrade takes what
# is on it and not there for deleted, and adds what is new.
`

// list writes the names of Doze's files.
func list(names []string) string {
	slices.Sort(names)
	return listHead + strings.Join(names, "\n") + "\n"
}

// listed reads them.
func listed(text string) (names []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			names = append(names, line)
		}
	}
	return names
}

// files returns what doze new writes, by name, without marks.
func (p project) files() (map[string]string, error) {
	files := map[string]string{}
	err := fs.WalkDir(own, "project", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(own, name)
		files[strings.TrimPrefix(name, "project/")] = strings.ReplaceAll(string(text), ownPath, p.module)
		return err
	})
	if err != nil {
		return nil, err
	}
	files["README.md"] = strings.Replace(files["README.md"], "PROJECT", path.Base(p.module), 1)
	files["README.md"] = strings.Replace(files["README.md"], "STEPS\n", guides(p.steps(), ""), 1)
	mains, err := fs.Glob(doze.Files, "functions/*/main.go")
	if err != nil {
		return nil, err
	}
	for _, name := range append(mains, "template.yaml", "samconfig.toml", "go.mod", "go.sum") {
		text, err := doze.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files[name] = string(text)
	}
	for _, name := range mains {
		files[name] = strings.Replace(files[name], strconv.Quote(ours+"/app"), strconv.Quote(p.module+"/app"), 1)
	}
	files["samconfig.toml"] = strings.Replace(files["samconfig.toml"], `stack_name = "doze"`, `stack_name = "`+p.stack()+`"`, 1)
	files["go.mod"] = p.goMod(files["go.mod"])
	for name, text := range files {
		if strings.HasSuffix(name, ".go") {
			formatted, err := format.Source([]byte(text)) // sorts the imports
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			files[name] = string(formatted)
		}
	}
	return files, nil
}

// stack returns a name for CloudFormation: letters, digits and hyphens, and a letter first.
func (p project) stack() string {
	if p.deployed != "" {
		return p.deployed
	}
	name := regexp.MustCompile(`[^a-zA-Z0-9]+`).ReplaceAllString(path.Base(p.module), "-")
	if name = strings.Trim(name, "-"); name == "" || name[0] < 'A' {
		name = strings.TrimSuffix("doze-"+name, "-")
	}
	return name[:min(len(name), 100)]
}

var goLine = regexp.MustCompile(`(?m)^go (\d+\.\d+).*$`)

// goVersion returns the version of Go that a project needs, such as 1.26.
func goVersion() string {
	text, err := doze.Files.ReadFile("go.mod")
	if m := goLine.FindSubmatch(text); err == nil && m != nil {
		return string(m[1])
	}
	panic("the embedded go.mod has no line for Go")
}

// goMod makes the project's go.mod of Doze's, with the versions that Doze is tested with.
func (p project) goMod(dozes string) string {
	version := p.version
	if version == "" {
		version = "v0.0.0"
	}
	var indirect []string
	for line := range strings.Lines(dozes) {
		module, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		version, _, _ = strings.Cut(version, " ")
		if line[0] == '\t' && !slices.Contains(unneeded, module) {
			indirect = append(indirect, "\t"+module+" "+version+" // indirect\n")
		}
	}
	slices.Sort(indirect)
	text := fmt.Sprintf("module %s\n\n%s\n\nrequire %s %s\n\nrequire (\n%s)\n", p.module,
		goLine.FindString(dozes), ours, version, strings.Join(indirect, ""))
	if p.replace != "" {
		replace := p.replace
		if strings.ContainsAny(replace, " \t\"'`,()[]{}\\") || strings.Contains(replace, "//") {
			replace = strconv.Quote(replace)
		}
		text += fmt.Sprintf("\nreplace %s => %s\n", ours, replace)
	}
	return text
}
