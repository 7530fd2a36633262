// Command deploy deploys the template to a stand-in for AWS, and says where the chat is then:
//
//	go run ./tests/deployed/deploy                    starts MiniStack, which has all of AWS that is needed, until Ctrl-C
//	go run ./tests/deployed/deploy -gateway           the same with doze gateway before the functions, and no API Gateway
//	go run ./tests/deployed/deploy -endpoint URL      uses a server that is there, such as LocalStack; -delete takes the stack down again
//
// make deploy-local installs what it needs and runs it. GATEWAY=1 and ENDPOINT=URL are its flags there.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/tests/kit/ministack"
	"github.com/dozeio/doze/tests/kit/stack"
)

// settings are the flags.
type settings struct {
	endpoint, prefix, name, addr, host string
	eventSource                        string
	gateway, delete, verify            bool
}

// name is that of the command, as people call it.
const name = "go run ./tests/deployed/deploy"

func main() {
	ctx := commandline.Interruptible()
	s, err := parse(os.Args[1:], os.Stdout)
	if err == nil {
		err = run(ctx, s, os.Stdout)
	}
	commandline.Exit(ctx, "deploy", err)
}

func parse(args []string, out io.Writer) (s settings, err error) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.StringVar(&s.endpoint, "endpoint", "", "`URL` of a server that answers like AWS (default: MiniStack, started for the while)")
	f.StringVar(&s.prefix, "execute-api", "", "`URL` of its APIs before their ids (default: /_aws/execute-api of the endpoint)")
	f.StringVar(&s.name, "stack", "doze", "`name` of the stack")
	f.BoolVar(&s.gateway, "gateway", false, "put doze gateway before the functions, and deploy nothing of API Gateway")
	f.StringVar(&s.addr, "addr", "127.0.0.1:3000", "`address` of doze gateway")
	f.StringVar(&s.host, "host", "", "`name` by which the functions reach doze gateway, such as host.docker.internal from a container (default: that of -addr)")
	f.StringVar(&s.eventSource, "event-source", "", "`source` of events of EventBridge that say what to emit")
	f.BoolVar(&s.verify, "verify", false, "have the namespace that doze verify asks")
	f.BoolVar(&s.delete, "delete", false, "take the stack down that is at the endpoint")
	return s, commandline.ParseFlags(f, commandline.Usage(name), args, out)
}

// run deploys, and waits until ctx has ended where it has something to take down then. What is interrupted before it
// is deployed is an error.
func run(ctx context.Context, s settings, out io.Writer) error {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	if s.delete {
		if s.endpoint == "" {
			return errors.New("-delete needs -endpoint: without one, everything ends with Ctrl-C")
		}
		return (&stack.Stack{Options: stack.Options{Folder: root, Endpoint: s.endpoint, Name: s.name}}).Delete(ctx)
	}
	if u, err := url.Parse(s.endpoint); s.endpoint != "" && (err != nil || u.Host == "") {
		return fmt.Errorf("-endpoint %q is no URL: write http://127.0.0.1:4566, say", s.endpoint)
	}
	var place net.Listener
	if s.gateway { // now, and not when all is built and deployed; until then the port is given to nobody else
		if place, err = commandline.Listen(name, s.addr); err != nil {
			return err
		}
		defer place.Close()
		s.addr = place.Addr().String() // a port, if it was 0
	}
	work, err := os.MkdirTemp("", "doze-deploy")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	p := progress{out: out, every: time.Tick}
	err = p.step("building the functions, a minute the first time", func() error {
		return stack.Build(ctx, root, filepath.Join(work, "built"))
	})
	if err != nil {
		return err
	}
	endpoint := s.endpoint
	if endpoint == "" {
		var end func()
		err := p.step("starting MiniStack, which stands in for AWS", func() (err error) {
			endpoint, end, err = ministack.Start("AUTH=true")
			return err
		})
		if err != nil {
			return err
		}
		defer end()
		fmt.Fprintln(out, "MiniStack is at", endpoint)
	}
	o := stack.Options{Folder: root, Endpoint: endpoint, Name: s.name}
	if s.gateway {
		host, port, err := net.SplitHostPort(s.addr)
		if err != nil {
			return err
		}
		if net.ParseIP(host).IsUnspecified() {
			host = "127.0.0.1"
		}
		o.Parameters = stack.BehindGateway("http://"+net.JoinHostPort(host, port), "http://"+net.JoinHostPort(cmp.Or(s.host, host), port))
	} else {
		o.Parameters = stack.Standalone(cmp.Or(s.prefix, endpoint+"/_aws/execute-api"), endpoint)
	}
	if s.verify {
		o.Parameters["Verify"] = "yes"
	}
	if s.eventSource != "" {
		o.Parameters["EventSource"] = s.eventSource
	}
	var deployed *stack.Stack
	err = p.step("deploying the stack "+s.name, func() (err error) {
		deployed, err = stack.Deploy(ctx, filepath.Join(work, "built"), o)
		return err
	})
	if err != nil {
		if s.endpoint != "" {
			fmt.Fprintf(out, "Part of the stack may be there. To take it down: %s -delete -stack %s -endpoint %s\n", name, s.name, s.endpoint)
		}
		return err
	}
	if s.gateway {
		return serve(ctx, root, work, s, place, deployed, out, p)
	}
	line, err := clientLine(ctx, deployed.Outputs["Address"])
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nDeployed. Open the chat in two browser tabs:\n\n    %s\n\nClients connect with\n\n    %s\n\n", deployed.Outputs["Address"], line)
	if s.endpoint != "" {
		fmt.Fprintf(out, "It stays until: go run ./tests/deployed/deploy -delete -stack %s -endpoint %s\n", s.name, s.endpoint)
		return nil
	}
	fmt.Fprintf(out, "Ctrl-C takes all of it down and leaves nothing. Until then, any AWS tool works with\n\n    export AWS_ENDPOINT_URL=%s %s\n\n", endpoint, strings.Join(stack.Credentials, " "))
	<-ctx.Done()
	return nil
}

// serve runs doze gateway before the functions, in the place that has been kept for it, until ctx ends.
func serve(ctx context.Context, root, work string, s settings, place net.Listener, deployed *stack.Stack, out io.Writer, p progress) error {
	doze := filepath.Join(work, "doze")
	err := p.step("building doze gateway", func() error {
		build := exec.CommandContext(ctx, "go", "build", "-o", doze, "./cmd/doze")
		build.Dir = root
		if text, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("go build ./cmd/doze: %w\n%s", err, text)
		}
		return nil
	})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, doze, "gateway", "-stack", s.name, "-endpoint", deployed.Endpoint, "-addr", s.addr)
	cmd.Env = slices.Concat(os.Environ(), stack.Credentials)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C comes from here alone: a second one would end it without a goodbye
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	place.Close()
	err = cmd.Run()
	if ctx.Err() != nil {
		err = nil
	}
	if s.endpoint != "" {
		fmt.Fprintf(out, "The stack stays until: go run ./tests/deployed/deploy -delete -stack %s -endpoint %s\n", s.name, s.endpoint)
	}
	return err
}

// clientLine asks a deployment how clients connect, where polling and WebSocket have addresses of their own.
func clientLine(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	base, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base.JoinPath("client.json").String(), nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s %s %w", r.URL, answer.Status, text, err)
	}
	var options map[string]any
	if err := json.Unmarshal(text, &options); err != nil {
		return "", fmt.Errorf("%s: %w: %s", r.URL, err, text)
	}
	options["path"] = base.JoinPath("socket.io/").Path
	options["auth"] = map[string]string{"nickname": "ada"} // which the chat wants
	text, err = json.Marshal(options)
	return fmt.Sprintf(`io("%s://%s", %s)`, base.Scheme, base.Host, text), err
}
