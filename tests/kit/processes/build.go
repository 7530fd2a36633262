package processes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// functions are the four of a deployment.
var functions = []string{"connect", "message", "disconnect", "heartbeat"}

// Build compiles the functions of an application into a folder that is empty, with the flags of a deployment. It takes
// a few seconds: who starts several deployments builds once and says so in Options.Folder.
func Build(ctx context.Context, folder, app string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	sources := map[string]string{"function": "./tests/kit/processes/function"}
	if app == "chat" {
		sources = map[string]string{}
		for _, name := range functions {
			sources[name] = "./functions/" + name
		}
	}
	for name, source := range sources {
		cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags=-s", "-o", filepath.Join(folder, name, "bootstrap"), source)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("processes: %s: %w: %s", source, err, out)
		}
	}
	return nil
}

// binary is where Build put a function.
func binary(folder, app, name string) string {
	if app != "chat" {
		name = "function"
	}
	return filepath.Join(folder, name, "bootstrap")
}

func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", errors.New("processes: not in the repository")
		}
	}
}
