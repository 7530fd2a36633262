package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/dozeio/doze"
	"github.com/dozeio/doze/internal/commandline"
)

const newUsage = `usage: doze new [flags] DIR

Writes a small application of one's own to the folder DIR, which must not be there or be empty.

`

// project is what doze new writes.
type project struct {
	module   string // path of its Go module
	version  string // of Doze; "" before there is a release
	replace  string // a clone of Doze to use instead, as its go.mod has it; "" for none
	deployed string // name of its stack; "" for one like the module's
}

// newProject runs doze new.
func newProject(args []string, out io.Writer) error {
	f := flag.NewFlagSet("doze new", flag.ContinueOnError)
	module := f.String("module", "", "`path` of the Go module, such as example.com/chat (default: the name of the folder)")
	replace := f.String("replace", "", "`folder` of a clone of Doze to build with (default: as long as Doze has no release, the one that the command runs in)")
	dirs, err := commandline.Parse(f, newUsage, args, out)
	if err != nil {
		return err
	}
	if len(dirs) != 1 {
		return fmt.Errorf("doze new writes to one folder, not %d: doze new DIR, doze new -h lists the flags", len(dirs))
	}
	dir, err := filepath.Abs(dirs[0])
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("there is no go on the PATH, with which the application is built: install Go %s or newer from https://go.dev/dl/, and run doze new again", goVersion())
	}
	p := project{module: *module, version: release()}
	if p.module == "" {
		p.module = filepath.Base(dir)
	}
	if err := checkModule(p.module); err != nil {
		return err
	}
	found := false // and not given
	if *replace == "" && p.version == "" {
		if *replace, found = enclosingClone(); !found {
			return fmt.Errorf("there is no release of Doze that the application could be built with: run git clone https://%s, and name the clone with -replace: doze new -replace doze %s", ours, shellWord(dirs[0]))
		}
	}
	if *replace != "" {
		if p.replace, err = replacement(*replace, dir); err != nil {
			return err
		}
	}
	files, err := p.marked()
	if err != nil {
		return err
	}
	if err := writeFolder(dir, files); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is a Socket.IO server of your own. Its handlers are in app/app.go, README.md says what else there is.\n", p.module)
	if found {
		fmt.Fprintf(out, "There is no release of Doze yet, so that go.mod builds with this clone: replace %s => %s\n", ours, p.replace)
	}
	fmt.Fprintf(out, "\n    cd %s\n%s", shellWord(dirs[0]), guides(p.steps(), "    "))
	return nil
}

// steps are what can be done with a new project, one after the other: doze new prints them, and its README has them.
func (p project) steps() (steps []guide) {
	if p.replace == "" {
		steps = append(steps, guide{"go mod tidy", "once: fetches Doze " + p.version})
	}
	return append(steps,
		guide{"make dev", "runs it on this machine: open the address in two tabs; make dev ARGS=-h lists flags"},
		guide{"make test", ""},
		guide{"npm install socket.io", "if you like: the page then has the client from here, and not from its CDN"},
		guide{"sam build && sam deploy --guided", "puts it on the internet, with an AWS account and the SAM CLI"},
		guide{"sam delete", "takes everything away"})
}

// ours is Doze's module.
const ours = "github.com/dozeio/doze"

// release returns the version of Doze that this command was installed from, "" when it is not a release.
func release() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Path == ours && regexp.MustCompile(`^v\d+\.\d+\.\d+$`).MatchString(b.Main.Version) {
		return b.Main.Version
	}
	return ""
}

var modulePath = regexp.MustCompile(`^[a-z0-9]([a-zA-Z0-9._~-]*[a-zA-Z0-9])?(/[a-zA-Z0-9_]([a-zA-Z0-9._~-]*[a-zA-Z0-9_])?)*$`)

// checkModule refuses the path of a module that Go cannot build a project with, or may not in its next version.
func checkModule(path string) error {
	dozes, err := doze.Files.ReadFile("go.mod")
	if err != nil {
		return err
	}
	elements := strings.Split(path, "/")
	taken, err := inStandardLibrary(elements[0])
	if err != nil {
		return err
	}
	_, _, versioned := module.SplitPathVersion(path)
	switch invalid := (*module.InvalidPathError)(nil); {
	case !modulePath.MatchString(path):
		return fmt.Errorf("%q cannot be the path of a Go module: write -module example.com/chat, say", path)
	case errors.As(module.CheckImportPath(path), &invalid):
		return fmt.Errorf("%q cannot be the path of a Go module (%w): write -module example.com/chat, say", path, invalid.Err)
	case slices.Contains(elements, "vendor"):
		return fmt.Errorf("%q cannot be the path of a Go module, because Go keeps copies of modules in folders named vendor: write -module example.com/chat, say", path)
	case !versioned:
		return fmt.Errorf("%q cannot be the path of a Go module, because of the version at its end: write -module example.com/chat, say", path)
	case slices.Contains([]string{"std", "cmd", "all", "main", "tool", "work", "go", "toolchain"}, elements[0]):
		return fmt.Errorf("%q means something else to Go: write -module example.com/%s, say", path, path)
	case taken:
		return fmt.Errorf("%q is in the standard library of Go: write -module example.com/%s, say", elements[0], path)
	case path == ours || strings.HasPrefix(path, ours+"/"):
		return fmt.Errorf("%q is Doze itself: write -module example.com/chat, say", path)
	case strings.Contains(string(dozes), "\t"+path+" "):
		return fmt.Errorf("%q is a module that Doze needs: write -module example.com/chat, say", path)
	}
	return nil
}

// inStandardLibrary reports whether import paths that begin with this element are those of the Go that is installed.
func inStandardLibrary(element string) (bool, error) {
	cmd := exec.Command("go", "env", "GOROOT")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local") // whatever go.mod is around here
	root, err := cmd.Output()
	if err != nil {
		return false, fmt.Errorf("go env GOROOT: %w", err)
	}
	if len(bytes.TrimSpace(root)) == 0 || element == "" || strings.ContainsAny(element, `.\`) {
		return false, nil // a path with a dot is never the library's
	}
	_, err = os.Stat(filepath.Join(string(bytes.TrimSpace(root)), "src", element))
	return err == nil, nil
}

// isClone reports whether a folder is the root of a clone of Doze.
func isClone(folder string) bool {
	b, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	return err == nil && modfile.ModulePath(b) == ours
}

// enclosingClone returns the clone of Doze that the working directory is in, relative to that, as -replace takes it.
func enclosingClone() (clone string, found bool) {
	here, err := workingFolder()
	if err != nil {
		return "", false
	}
	folder := here
	for !isClone(folder) {
		if folder == filepath.Dir(folder) {
			return "", false
		}
		folder = filepath.Dir(folder)
	}
	clone, err = filepath.Rel(here, folder)
	return clone, err == nil
}

// workingFolder returns the working directory without symbolic links, so that .. is the folder around it.
func workingFolder() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(here)
}

// replacement returns how the go.mod in dir names a clone of Doze: relative to dir, if that is how it was given.
func replacement(clone, dir string) (string, error) {
	if !isClone(clone) {
		return "", fmt.Errorf("-replace %s is no clone of Doze: it has no go.mod of %s", clone, ours)
	}
	if filepath.IsAbs(clone) {
		return clone, nil
	}
	real, err := filepath.EvalSymlinks(clone)
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(real) {
		here, err := workingFolder()
		if err != nil {
			return "", err
		}
		real = filepath.Join(here, real)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if err != nil {
		return "", noParent(dir)
	}
	relative, err := filepath.Rel(filepath.Join(parent, filepath.Base(dir)), real)
	if err != nil {
		return real, nil // on another drive
	}
	if !strings.HasPrefix(relative, "..") {
		relative = "." + string(filepath.Separator) + relative
	}
	return filepath.ToSlash(relative), nil
}

func noParent(dir string) error {
	return fmt.Errorf("there is no folder %s to make %s in", filepath.Dir(dir), filepath.Base(dir))
}

// writeFolder writes files by their names, relative to dir. dir must not be there or be empty; when anything fails, it
// is as it was.
func writeFolder(dir string, files map[string]string) (err error) {
	there, err := os.ReadDir(dir)
	switch exists := err == nil; {
	case exists && len(there) > 0:
		return fmt.Errorf("%s is there and is not empty: name a new folder", dir)
	case !exists && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s cannot be used: name a new folder (%w)", dir, err)
	case !exists:
		if _, err := os.Stat(filepath.Dir(dir)); err != nil {
			return noParent(dir)
		}
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				_ = os.Remove(dir)
			}
		}()
	}
	// Everything is written beside its place first. What then moves is a few names.
	aside, err := os.MkdirTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(aside)) }()
	for name, text := range files {
		place := filepath.Join(aside, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(place), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(place, []byte(text), 0o666); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(aside)
	if err != nil {
		return err
	}
	for i, e := range entries {
		if err := os.Rename(filepath.Join(aside, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			for _, moved := range entries[:i] {
				err = errors.Join(err, os.RemoveAll(filepath.Join(dir, moved.Name())))
			}
			return err
		}
	}
	return nil
}

// shellWord quotes a word for a shell, where it needs that.
func shellWord(s string) string {
	if regexp.MustCompile(`^[a-zA-Z0-9._/~+-]+$`).MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
