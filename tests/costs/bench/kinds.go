package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// rivals are the servers that only the benchmark knows. Their package managers install them, at pinned versions.
const rivals = "tests/bench/rivals/"

// serverKinds builds or finds the servers whose names match.
func serverKinds(ctx context.Context, dir string, which *regexp.Regexp) ([]serverKind, error) {
	if _, err := os.Stat("go.mod"); err != nil {
		return nil, fmt.Errorf("run this from the project's root: %w", err)
	}
	var kinds []serverKind
	for _, k := range []struct {
		name string
		make func(ctx context.Context, dir string) (serverKind, error)
	}{
		{"Doze", doze},
		{"Node", node},
		{"zishang520", zishang520},
		{"socketioxide", socketioxide},
	} {
		if !which.MatchString(k.name) {
			continue
		}
		kind, err := k.make(ctx, dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		kind.name = k.name
		kinds = append(kinds, kind)
	}
	if len(kinds) == 0 {
		return nil, fmt.Errorf("-servers: none is called like %s", which)
	}
	return kinds, nil
}

func doze(ctx context.Context, dir string) (serverKind, error) {
	binary := filepath.Join(dir, "fixture")
	if _, err := said(ctx, ".", "go", "build", "-o", binary, "./tests/kit/fixture"); err != nil {
		return serverKind{}, err
	}
	version, err := said(ctx, ".", "go", "env", "GOVERSION")
	return serverKind{version: "this checkout, " + version, args: []string{binary, "-suite", "client", "-addr", "127.0.0.1:0", "-unlimited", "-direct"}}, err
}

func node(ctx context.Context, _ string) (serverKind, error) {
	if _, err := os.Stat("tests/node_modules/socket.io"); err != nil {
		return serverKind{}, errors.New("the npm packages are missing: run make tests/node_modules")
	}
	version, err := said(ctx, ".", "node", "-p", "`socket.io ${require('./tests/node_modules/socket.io/package.json').version}, Node ${process.version}`")
	return serverKind{version: version, args: []string{"node", "tests/kit/reference/server.mjs", "--suite", "client", "--port", "0"}}, err
}

func zishang520(ctx context.Context, dir string) (serverKind, error) {
	binary := filepath.Join(dir, "zishang520")
	if _, err := said(ctx, rivals+"zishang520", "go", "build", "-o", binary, "."); err != nil {
		return serverKind{}, err
	}
	version, err := said(ctx, rivals+"zishang520", "go", "list", "-m", "github.com/zishang520/socket.io/servers/socket/v3")
	return serverKind{version: version, args: []string{binary}}, err
}

// socketioxide is built with Cargo, whose folder is kept: that takes minutes.
func socketioxide(ctx context.Context, _ string) (serverKind, error) {
	if _, err := exec.LookPath("cargo"); err != nil {
		return serverKind{}, fmt.Errorf("install Rust with Cargo, https://rustup.rs, or measure without it, with -servers 'Doze|Node|zishang520': %w", err)
	}
	target, err := filepath.Abs("tests/artifacts/socketioxide")
	if err != nil {
		return serverKind{}, err
	}
	if _, err := said(ctx, rivals+"socketioxide", "cargo", "build", "--quiet", "--release", "--locked", "--target-dir", target); err != nil {
		return serverKind{}, err
	}
	version, err := said(ctx, rivals+"socketioxide", "cargo", "pkgid", "socketioxide")
	_, version, _ = strings.Cut(version, "#")
	return serverKind{version: version, args: []string{filepath.Join(target, "release", "rival")}}, err
}

// said runs a program in a folder and returns what it printed.
func said(ctx context.Context, folder, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			out = failed.Stderr
		}
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
