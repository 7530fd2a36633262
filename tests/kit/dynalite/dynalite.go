// Package dynalite starts the npm package of that name, a DynamoDB that counts capacity, for tests.
package dynalite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// program listens on a free port, says which, and ends with its standard input, so that nobody has to remember it.
const program = `
const server = require("dynalite")({createTableMs: 0, deleteTableMs: 0, updateTableMs: 0})
server.keepAliveTimeout = 0 // Node ends connections after 5 s, which a function that was frozen would learn from a failed request
server.listen(0, "127.0.0.1", () => console.log(server.address().port))
process.stdin.on("end", () => process.exit(0)).resume()
process.on("uncaughtException", (error) => { // it throws when a client gives up on a request
	if (error.code === "ECONNRESET") return
	console.error(error)
	process.exit(1)
})
`

// Start runs a server on a free loopback port until stop is called or this process ends.
func Start() (url string, stop func(), err error) {
	folder, err := packages()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command("node", "-e", program)
	cmd.Dir = folder
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("%w: install Node 20.14 or newer", err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		_ = cmd.Wait()
		return "", nil, fmt.Errorf("dynalite did not start: %s", stderr.String())
	}
	stop = func() {
		in.Close()
		_ = cmd.Wait()
	}
	return "http://127.0.0.1:" + lines.Text(), stop, nil
}

// packages returns the folder tests of this module, in which npm has put what is needed.
func packages() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
		if folder == filepath.Dir(folder) {
			return "", errors.New("dynalite: not in the repository")
		}
	}
	folder = filepath.Join(folder, "tests")
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "dynalite")); err != nil {
		return "", errors.New("npm packages are missing: run npm ci --ignore-scripts in the folder tests, or make test")
	}
	return folder, nil
}

// Client returns a client of a server at an address. Credentials are those of the environment, if there are any.
func Client(url string, more ...func(*dynamodb.Options)) *dynamodb.Client {
	either := func(name, otherwise string) string {
		if v := os.Getenv(name); v != "" {
			return v
		}
		return otherwise
	}
	return dynamodb.New(dynamodb.Options{
		Region:       either("AWS_REGION", "us-east-1"),
		BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: either("AWS_ACCESS_KEY_ID", "test"), SecretAccessKey: either("AWS_SECRET_ACCESS_KEY", "test"),
				SessionToken: os.Getenv("AWS_SESSION_TOKEN")}, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 256
		}),
	}, more...)
}
