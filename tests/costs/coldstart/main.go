// Command coldstart measures how long each function takes from the start of its process to its first request for an
// invocation, beside an empty function, in one run:
//
//	go run ./tests/costs/coldstart [-runs 100]
//
// The functions are built as they are deployed, for this machine, and are started in turns.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/tests/kit/processes"
)

// functions are the folders of what is measured; the first is what the others are compared with.
var functions = []string{"tests/costs/coldstart/empty", "functions/connect", "functions/poll", "functions/message", "functions/disconnect", "functions/heartbeat"}

func main() {
	commandline.Exit(context.Background(), "coldstart", coldstart(os.Args[1:]))
}

const usage = `usage: go run ./tests/costs/coldstart [flags]

Measures how long the functions take to start.

`

// coldstart measures as often as the flags in args say.
func coldstart(args []string) error {
	f := flag.NewFlagSet("go run ./tests/costs/coldstart", flag.ContinueOnError)
	runs := f.Int("runs", 100, "starts of each function")
	if err := commandline.ParseFlags(f, usage, args, os.Stdout); err != nil {
		return err
	}
	return run(*runs)
}

func run(runs int) error {
	folder, err := os.MkdirTemp("", "coldstart")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	sizes := make([]int64, len(functions))
	for i, f := range functions {
		cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags=-s -buildid=", "-o", binary(folder, i), "./"+f)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build ./%s, from the repository's folder: %w\n%s", f, err, out)
		}
		info, err := os.Stat(binary(folder, i))
		if err != nil {
			return err
		}
		sizes[i] = info.Size()
	}
	took := make([][]time.Duration, len(functions))
	for range runs {
		for i := range functions {
			d, err := start(binary(folder, i))
			if err != nil {
				return fmt.Errorf("%s: %w", functions[i], err)
			}
			took[i] = append(took[i], d)
		}
	}
	fmt.Println("| function | median ms | p90 ms | to empty | goal | binary MB |")
	fmt.Println("|---|---|---|---|---|---|")
	for i, f := range functions {
		slices.Sort(took[i])
		median, p90 := took[i][runs/2], took[i][runs*9/10]
		fmt.Printf("| %s | %.2f | %.2f | %.2f | 1.3 | %.1f |\n", filepath.Base(f), ms(median), ms(p90), float64(median)/float64(took[0][runs/2]), float64(sizes[i])/1e6)
	}
	return nil
}

func binary(folder string, i int) string { return filepath.Join(folder, filepath.Base(functions[i])) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// start runs a function until it asks for its first invocation.
func start(binary string) (time.Duration, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	asked := make(chan time.Time, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invocation/next") {
			select {
			case asked <- time.Now():
			default:
			}
			<-r.Context().Done()
			return
		}
		// An extension that registers, which is before the first invocation.
		w.Header().Set("Lambda-Extension-Identifier", "1")
		if strings.HasSuffix(r.URL.Path, "/event/next") {
			<-r.Context().Done()
		}
	})}
	go server.Serve(listener)
	defer server.Close()
	cmd := exec.Command(binary)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b",
		"AWS_SESSION_TOKEN=c", "AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "LAMBDA_TASK_ROOT=" + filepath.Dir(binary), "DOZE_TABLE=doze",
		"DOZE_QUEUE=https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", "DOZE_CONNECTIONS=https://abc123.execute-api.eu-west-1.amazonaws.com/live"}
	cmd.Env = append(cmd.Env, processes.GoSettings...)
	cmd.Stderr = os.Stderr
	ended := make(chan error, 1)
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go func() { ended <- cmd.Wait() }()
	select {
	case at := <-asked:
		_ = cmd.Process.Kill()
		<-ended
		return at.Sub(begin), nil
	case err := <-ended:
		return 0, fmt.Errorf("ended before it asked for an invocation: %w", err)
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		<-ended
		return 0, errors.New("did not ask for an invocation within 10 s")
	}
}
