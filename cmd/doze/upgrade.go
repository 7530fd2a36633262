package main

import (
	"bytes"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/dozeio/doze/internal/commandline"
)

const upgradeUsage = `usage: doze upgrade [flags] [DIR]

Brings the project in the folder DIR (default: this one), which doze new has written, to this version of Doze. Files
that are Doze's by their first line and that nobody has changed are replaced, new ones are added, go.mod and go.sum get
what they lack. What differs from a file that somebody has changed is shown, and the file is left as it is.

`

// upgrade runs doze upgrade.
func upgrade(args []string, out io.Writer) error {
	f := flag.NewFlagSet("doze upgrade", flag.ContinueOnError)
	var take []string
	f.Func("take", "`file` to take Doze's version of, whatever somebody has changed, or deleted, of it; may be repeated, or several separated by commas", func(names string) error {
		for name := range strings.SplitSeq(names, ",") {
			take = append(take, filepath.ToSlash(filepath.Clean(name)))
		}
		return nil
	})
	dry := f.Bool("n", false, "only say what would be done")
	dirs, err := commandline.Parse(f, upgradeUsage, args, out)
	if err != nil {
		return err
	}
	if len(dirs) > 1 {
		return fmt.Errorf("doze upgrade takes one folder, not %d: doze upgrade -h lists the flags", len(dirs))
	}
	dir, err := filepath.Abs(strings.Join(dirs, "")) // of this folder, if there is none
	if err != nil {
		return err
	}
	u, err := readProject(dir, project{version: release()})
	if err != nil {
		return err
	}
	if clone, found := enclosingClone(); found {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return err
		}
		if u.clone, err = replacement(clone, real); err != nil {
			return err
		}
	}
	files, err := u.files()
	if err != nil {
		return err
	}
	if err := u.plan(files, take); err != nil {
		return err
	}
	if !*dry {
		if err := u.write(); err != nil {
			return err
		}
	}
	u.report(out, *dry)
	return nil
}

// upgrading is the upgrade of one project.
type upgrading struct {
	project
	dir     string
	clone   string   // of Doze, from which the command runs, as -replace in dir takes it; "" for none
	listed  []string // of files that are Doze's, if the project has the list
	steps   []step
	changes []change
}

// fate is what becomes of a file.
type fate string

const (
	replaced   fate = "replaced"
	added      fate = "added"
	completed  fate = "completed" // go.mod and go.sum
	current    fate = "current"   // nothing is to be done
	yours      fate = "yours"     // somebody has changed it, and Doze has nothing new
	differs    fate = "differs"   // somebody has changed it, and so has Doze
	deleted    fate = "deleted"   // by somebody, and it stays so
	superseded fate = "superseded"
)

// step is what becomes of one file, and why, for people.
type step struct {
	name string
	fate fate
	diff []byte // where it differs
}

// change is a file to write.
type change struct{ name, text string }

// neverMarked are the hashes of all versions of Doze's files before they had marks, by name.
//
//go:embed unmarked.txt
var neverMarked string

// readProject looks whether a folder is a project that this command can upgrade. p has the version to bring it to.
func readProject(dir string, p project) (*upgrading, error) {
	u := &upgrading{project: p, dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no project of doze new: it has no go.mod. Name the project's folder: doze upgrade DIR", dir)
	} else if err != nil {
		return nil, err
	}
	required, err := u.readModule(string(text))
	if err != nil {
		return nil, err
	}
	list, err := os.ReadFile(filepath.Join(dir, listName))
	if err == nil {
		u.listed = listed(string(list))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if _, main := os.Stat(filepath.Join(dir, "functions", "message", "main.go")); err != nil && main != nil {
		return nil, fmt.Errorf("%s is no project of doze new: it has neither %s nor functions/message/main.go", dir, listName)
	}
	if err != nil { // from before there was a list
		for line := range strings.Lines(neverMarked) {
			if fields := strings.Fields(line); len(fields) == 2 && !slices.Contains(u.listed, fields[1]) {
				u.listed = append(u.listed, fields[1])
			}
		}
	}
	if settings, err := os.ReadFile(filepath.Join(dir, "samconfig.toml")); err == nil {
		if m := stackName.FindStringSubmatch(strings.ReplaceAll(string(settings), "\r\n", "\n")); m != nil {
			u.deployed = m[1]
		}
	}
	return u, u.checkNotNewer(required)
}

// checkNotNewer refuses to go back to an older version.
func (u *upgrading) checkNotNewer(required string) error {
	versions := []string{required}
	for _, name := range u.listed {
		if text, err := os.ReadFile(filepath.Join(u.dir, filepath.FromSlash(name))); err == nil {
			m, _, _ := unmarked(name, string(text))
			versions = append(versions, m.version)
		}
	}
	for _, version := range versions {
		if u.version != "" && semver.IsValid(version) && semver.Compare(version, u.version) > 0 {
			return fmt.Errorf("the project is of Doze %s, and this command of %s: go install %s/cmd/doze@%s", version, u.version, ours, version)
		}
	}
	return nil
}

// plan decides what becomes of each file. files are what doze new writes for such a project, without marks. take are
// the names of those that are written whatever is there.
func (u *upgrading) plan(files map[string]string, take []string) error {
	var names []string
	for name := range files {
		if isDozes(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range take {
		if !slices.Contains(names, name) {
			return fmt.Errorf("-take %s: Doze has no such file; it has %s", name, strings.Join(names, ", "))
		}
	}
	for _, name := range names {
		if err := u.planFile(name, files[name], slices.Contains(take, name)); err != nil {
			return err
		}
	}
	for _, name := range u.listed {
		if _, err := os.Stat(filepath.Join(u.dir, filepath.FromSlash(name))); err == nil && !slices.Contains(names, name) {
			u.steps = append(u.steps, step{name: name, fate: superseded})
		}
	}
	u.complete(listName, list(names))
	sum, err := u.goSum(files["go.sum"])
	if err != nil {
		return err
	}
	u.complete("go.sum", sum)
	mod, err := u.upgradedMod(files["go.mod"])
	if err != nil {
		return err
	}
	u.complete("go.mod", mod)
	return nil
}

// complete has a file written that has no mark, if it is another one then.
func (u *upgrading) complete(name, text string) {
	now, err := os.ReadFile(filepath.Join(u.dir, name))
	switch {
	case err != nil:
		u.put(name, text, added)
	case strings.ReplaceAll(string(now), "\r\n", "\n") != text:
		u.put(name, endings(string(now), text), completed)
	}
}

func (u *upgrading) put(name, text string, f fate) {
	u.steps = append(u.steps, step{name: name, fate: f})
	u.changes = append(u.changes, change{name, text})
}

// planFile decides what becomes of one of Doze's files.
func (u *upgrading) planFile(name, text string, take bool) error {
	fresh := mark{u.version, u.hash(name, text)}
	if fresh.version == "" {
		fresh.version = unreleased
	}
	place := filepath.Join(u.dir, filepath.FromSlash(name))
	info, err := os.Lstat(place)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if slices.Contains(u.listed, name) && !take {
			u.steps = append(u.steps, step{name: name, fate: deleted})
		} else {
			u.put(name, fresh.marked(name, text), added)
		}
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file, but %v: move it away, or put a file there", place, info.Mode().Type())
	}
	b, err := os.ReadFile(place)
	if err != nil {
		return err
	}
	m, now, found := unmarked(name, string(b))
	hash := u.hash(name, now)
	untouched := found && m.hash == hash || !found && strings.Contains(neverMarked, hash+" "+name+"\n")
	switch {
	case hash == fresh.hash && found && m.hash == hash:
		u.steps = append(u.steps, step{name: name, fate: current})
	case hash == fresh.hash, untouched, take:
		u.put(name, endings(string(b), fresh.marked(name, text)), replaced)
	case found && m.hash == fresh.hash:
		u.steps = append(u.steps, step{name: name, fate: yours})
	default:
		unified := diff.Diff(name, []byte(strings.ReplaceAll(string(b), "\r\n", "\n")), "Doze's "+name, []byte(fresh.marked(name, text)))
		_, unified, _ = bytes.Cut(unified, []byte("\n")) // the command that would print it
		u.steps = append(u.steps, step{name: name, fate: differs, diff: unified})
	}
	return nil
}

// endings gives a text the ends of lines of another.
func endings(like, text string) string {
	if first, _, _ := strings.Cut(like, "\n"); strings.HasSuffix(first, "\r") {
		return strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// write writes what is planned, each file whole or not at all.
func (u *upgrading) write() error {
	for i, c := range u.changes {
		if err := writeWhole(filepath.Join(u.dir, filepath.FromSlash(c.name)), c.text); err != nil {
			return fmt.Errorf("%w: %d of %d files are written; run doze upgrade again when that is mended", err, i, len(u.changes))
		}
	}
	return nil
}

// writeWhole replaces a file, whose mode it keeps, or the one that a link leads to.
func writeWhole(place, text string) (err error) {
	mode, there := fs.FileMode(0o666), false
	if info, err := os.Stat(place); err == nil {
		mode, there = info.Mode().Perm(), true
		if place, err = filepath.EvalSymlinks(place); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(place), 0o777); err != nil {
		return err
	}
	aside := place + ".doze-new"
	f, err := os.OpenFile(aside, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(aside))
		}
	}()
	_, err = f.WriteString(text)
	if there { // whatever the umask says
		err = errors.Join(err, f.Chmod(mode))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(aside, place)
}
