// Package ministack starts the Python package of that name, which stands in for AWS (SQS, DynamoDB, Lambda, API Gateway
// and more), for tests.
package ministack

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed serve.py
var program string

// startTime is how long the server may take until it answers; it takes about a second.
const startTime = 30 * time.Second

// Start runs a server on a free loopback port until stop is called or this process ends, and returns when it answers.
// All of AWS is at its URL; any region and any credentials will do. What it holds is gone when it ends. The settings
// are for its environment: with "AUTH=true" it asks who may do what, and the key "test" may do everything.
func Start(settings ...string) (url string, stop func(), err error) {
	python, err := interpreter()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(python, "-c", program)
	cmd.Env = append(os.Environ(), settings...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	var stderr tail
	cmd.Stderr, cmd.WaitDelay = &stderr, time.Second
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		in.Close()
		_ = cmd.Wait()
	}
	port := bufio.NewScanner(out)
	if port.Scan() {
		url = "http://127.0.0.1:" + port.Text()
		err = healthy(url)
	} else {
		err = errors.New("it ended")
	}
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("ministack did not start: %w\n%s", err, stderr.text)
	}
	return url, stop, nil
}

// healthy waits for the server's first answer: the port is open before, and holds the request until then.
func healthy(url string) error {
	client := &http.Client{Timeout: startTime, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url + "/_ministack/health")
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}

// interpreter returns the Python of the folder tests of this module, for which make has installed what is needed.
func interpreter() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
		if folder == filepath.Dir(folder) {
			return "", errors.New("ministack: not in the repository")
		}
	}
	folder = filepath.Join(folder, "tests", ".venv")
	if _, err := os.Stat(filepath.Join(folder, "installed")); err != nil {
		return "", errors.New("the Python package ministack is missing: run make test, or make tests/.venv")
	}
	return filepath.Join(folder, "bin", "python"), nil
}

// tail keeps the last of what is written to it.
type tail struct{ text string }

func (t *tail) Write(b []byte) (int, error) {
	t.text += string(b)
	if over := len(t.text) - 4096; over > 0 {
		t.text = strings.Clone(t.text[over:])
	}
	return len(b), nil
}
