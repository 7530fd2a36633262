package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// readModule reads the project's go.mod, and returns which version of Doze it requires.
func (u *upgrading) readModule(text string) (required string, err error) {
	f, err := modfile.Parse(filepath.Join(u.dir, "go.mod"), []byte(text), nil)
	switch {
	case err != nil:
		return "", err
	case f.Module == nil:
		return "", fmt.Errorf("%s has no line that begins with module", filepath.Join(u.dir, "go.mod"))
	case f.Module.Mod.Path == ours:
		return "", fmt.Errorf("%s is Doze itself: name the folder of a project that doze new has written: doze upgrade DIR", u.dir)
	}
	u.module = f.Module.Mod.Path
	for _, r := range f.Replace {
		if r.Old.Path == ours {
			u.replace = r.New.Path
		}
	}
	for _, r := range f.Require {
		if r.Mod.Path == ours {
			return r.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s is no project of doze new: its go.mod does not require %s", u.dir, ours)
}

// upgradedMod returns the project's go.mod with what it lacks of that of a new project: versions that are at least
// those that Doze is tested with.
func (u *upgrading) upgradedMod(fresh string) (string, error) {
	b, err := os.ReadFile(filepath.Join(u.dir, "go.mod"))
	if err != nil {
		return "", err
	}
	text := strings.ReplaceAll(string(b), "\r\n", "\n")
	mine, err := modfile.Parse("go.mod", []byte(text), nil)
	if err != nil {
		return "", err
	}
	theirs, err := modfile.Parse("go.mod", []byte(fresh), nil)
	if err != nil {
		return "", err
	}
	required := map[string]string{}
	for _, r := range mine.Require {
		required[r.Mod.Path] = r.Mod.Version
	}
	changed := false
	for _, r := range theirs.Require {
		switch needed, has := required[r.Mod.Path]; {
		case !has:
			mine.AddNewRequire(r.Mod.Path, r.Mod.Version, r.Indirect)
			changed = true
		case semver.Compare(needed, r.Mod.Version) < 0:
			if err := mine.AddRequire(r.Mod.Path, r.Mod.Version); err != nil {
				return "", err
			}
			changed = true
		}
	}
	if mine.Go == nil || version.Compare("go"+mine.Go.Version, "go"+theirs.Go.Version) < 0 {
		if err := mine.AddGoStmt(theirs.Go.Version); err != nil {
			return "", err
		}
		changed = true
	}
	if !changed {
		return text, nil
	}
	mine.Cleanup()
	formatted, err := mine.Format()
	return string(formatted), err
}

// goSum returns the project's go.sum with the sums of Doze's that it lacks.
func (u *upgrading) goSum(dozes string) (string, error) {
	b, err := os.ReadFile(filepath.Join(u.dir, "go.sum"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	text := strings.ReplaceAll(string(b), "\r\n", "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	for line := range strings.Lines(dozes) {
		if !strings.Contains("\n"+text, "\n"+line) {
			text += line
		}
	}
	return text, nil
}

// next is what has to be done after an upgrade, a command each, with why.
func (u *upgrading) next() (steps []guide) {
	switch {
	case u.replace != "":
		steps = append(steps, guide{"", "go.mod builds with the Doze in " + u.replace + ": that has to be of this version too"})
	case u.version == "" && u.clone != "":
		steps = append(steps, guide{"go mod edit -replace " + ours + "=" + shellWord(u.clone), "this doze is no release that go.mod could require, but a clone"})
	case u.version == "":
		steps = append(steps, guide{"go mod edit -replace " + ours + "=PATH", "this doze is no release that go.mod could require; PATH is its clone"})
	}
	steps = append(steps, guide{"go mod tidy", "fetches what is new"})
	if _, err := os.Stat(filepath.Join(u.dir, "vendor", "modules.txt")); err == nil {
		steps = append(steps, guide{"go mod vendor", "the project has its modules in vendor"})
	}
	return append(steps,
		guide{"make test", "tells what of your own code Doze's new API needs changed"},
		guide{"sam build && sam deploy", "brings it to the internet"})
}

// toVersion names the version that a project is brought to.
func (u *upgrading) toVersion() string { return cmp.Or(u.version, "this unreleased version") }
