// Package stack builds a project's template.yaml with sam and deploys it to a server that answers like AWS: MiniStack,
// LocalStack, or what else is at an endpoint.
package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Options say what is deployed, and where to. Folder, Endpoint and Name are needed.
type Options struct {
	Folder   string // of the project: where template.yaml and its Makefile are
	Endpoint string // of all services, such as http://127.0.0.1:4566
	Name     string // of the stack

	// Parameters of the template besides Architecture, which is that of this machine, because stand-ins of AWS run the
	// functions on it.
	Parameters map[string]string
}

// Stack is what has been deployed.
type Stack struct {
	Options
	Outputs map[string]string // of the template, by name
}

// Region is where stacks are deployed to.
const Region = "us-east-1"

// Credentials are for the environment of what talks to a stand-in: MiniStack takes them for its root's.
var Credentials = []string{"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=" + Region, "AWS_DEFAULT_REGION=" + Region}

// Standalone are the parameters for a server with API Gateway, whose APIs are reached at addresses below prefix, such
// as http://127.0.0.1:4566/_aws/execute-api. origin is that of the page.
func Standalone(prefix, origin string) map[string]string {
	return map[string]string{"OneOrigin": "no", "StandIn": "yes", "ExecuteApi": prefix, "PublicOrigin": origin}
}

// BehindGateway are the parameters for functions with a gateway of Doze's before them, at an origin such as
// http://127.0.0.1:3000, which the functions reach at another, if they run elsewhere. Nothing of API Gateway is
// deployed.
func BehindGateway(origin, reached string) map[string]string {
	return map[string]string{"OneOrigin": "no", "StandIn": "yes", "Apis": "no", "Connections": reached + "/local", "PublicOrigin": origin}
}

// Build builds the functions into a folder, from where any number of stacks can be deployed. It takes some seconds, or
// a minute when nothing is in Go's build cache.
func Build(ctx context.Context, project, built string) error {
	_, err := sam(ctx, project, []string{"GOARCH=" + runtime.GOARCH}, "build", "--build-in-source", "--parallel", "--build-dir", built,
		"--template", filepath.Join(project, "template.yaml"), "--parameter-overrides", "Architecture="+architecture())
	return err
}

// Deploy deploys what Build has built, or changes the stack of this name. It takes some ten seconds. The error holds
// what sam said.
func Deploy(ctx context.Context, built string, o Options) (*Stack, error) {
	args := []string{"deploy", "--template-file", filepath.Join(built, "template.yaml"), "--stack-name", o.Name, "--resolve-s3", "--capabilities", "CAPABILITY_IAM",
		"--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset", "--parameter-overrides", "Architecture=" + architecture()}
	for name, value := range o.Parameters {
		args = append(args, name+"="+value)
	}
	s := &Stack{Options: o, Outputs: map[string]string{}}
	if _, err := s.sam(ctx, args...); err != nil {
		return nil, err
	}
	text, err := s.sam(ctx, "list", "stack-outputs", "--stack-name", o.Name, "--output", "json")
	if err != nil {
		return nil, err
	}
	var outputs []struct{ OutputKey, OutputValue string }
	if err := json.Unmarshal(text, &outputs); err != nil {
		return nil, fmt.Errorf("the outputs of the stack: %w: %s", err, text)
	}
	for _, out := range outputs {
		s.Outputs[out.OutputKey] = out.OutputValue
	}
	return s, nil
}

// Delete takes the stack down. A stand-in that ends takes it along.
func (s *Stack) Delete(ctx context.Context) error {
	_, err := s.sam(ctx, "delete", "--stack-name", s.Name, "--no-prompts")
	return err
}

func (s *Stack) sam(ctx context.Context, args ...string) ([]byte, error) {
	return sam(ctx, s.Folder, append([]string{"AWS_ENDPOINT_URL=" + s.Endpoint}, Credentials...), append(args, "--region", Region)...)
}

// architecture is the name that Lambda has for this machine's.
func architecture() string {
	if runtime.GOARCH == "amd64" {
		return "x86_64"
	}
	return runtime.GOARCH
}

// sam runs the program and returns what it printed.
func sam(ctx context.Context, project string, env []string, args ...string) ([]byte, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	settings, err := os.MkdirTemp("", "sam")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(settings)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = project
	cmd.Env = slices.Concat(os.Environ(), []string{"SAM_CLI_TELEMETRY=0", "__SAM_CLI_APP_DIR=" + settings, "TMPDIR=" + settings}, env)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it takes down what it has begun
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("sam %s: %w\n%s%s", strings.Join(args, " "), err, out.Bytes(), log.Bytes())
	}
	return out.Bytes(), nil
}

// find returns the sam of this repository's folder tests, for which make has installed what is needed, else that of the
// system.
func find() (string, error) {
	if root, err := Root(); err == nil {
		folder := filepath.Join(root, "tests", ".sam")
		if _, err := os.Stat(filepath.Join(folder, "installed")); err == nil {
			return filepath.Join(folder, "bin", "sam"), nil
		}
	}
	if program, err := exec.LookPath("sam"); err == nil {
		return program, nil
	}
	return "", errors.New("sam is missing: run make tests/.sam")
}

// Root returns the folder of this module, in which the working folder is.
func Root() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", errors.New("not in the repository")
		}
	}
}
