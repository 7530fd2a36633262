//go:build full

package main

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// maxZip is what an uploaded function may have, in bytes.
const maxZip = 8 << 20

// TestBuildsAreReproducible builds a function here and in a copy elsewhere, as sam build does, and compares the
// binaries.
func TestBuildsAreReproducible(t *testing.T) {
	there := t.TempDir()
	copySources(t, "../../..", there)
	here, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	var binaries [][]byte
	for _, folder := range []string{here, there} {
		text, err := os.ReadFile(filepath.Join(build(t, folder, "Message"), "bootstrap"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(folder)) {
			t.Errorf("the binary contains the folder %s", folder)
		}
		binaries = append(binaries, text)
	}
	if !bytes.Equal(binaries[0], binaries[1]) {
		t.Error("the binaries differ")
	}
}

func TestFunctionsAreSmall(t *testing.T) {
	for _, function := range functionNames {
		var file bytes.Buffer
		w := zip.NewWriter(&file)
		if err := w.AddFS(os.DirFS(build(t, "../../..", function))); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%sFunction: %.1f MB zipped", function, float64(file.Len())/1e6)
		if file.Len() > maxZip {
			t.Errorf("%sFunction has %d bytes zipped, want at most %d", function, file.Len(), maxZip)
		}
	}
}

// build runs the Makefile's target for a function and returns the folder that is uploaded.
func build(t *testing.T, project, function string) string {
	t.Helper()
	artifacts := t.TempDir()
	cmd := exec.Command("make", "build-"+function+"Function", "ARTIFACTS_DIR="+artifacts, "GOARCH="+runtime.GOARCH)
	cmd.Dir = project
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make build-%sFunction: %v\n%s", function, err, out)
	}
	return artifacts
}

// copySources copies what a clone has of Go and of the Makefile.
func copySources(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if hidden := strings.HasPrefix(d.Name(), ".") && relative != "."; hidden || d.Name() == "node_modules" {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		in, err := os.Open(name)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.Create(filepath.Join(to, relative))
		if err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
		return out.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}
