// Command checksum is a job that takes long: it reads a file or what is at a URL, and tells those who watch how far it
// is and, in the end, its SHA-256. It is the same program on a laptop, where it prints the SHA-256 too, and as a Lambda
// function.
//
//	DOZE_QUEUE=http://127.0.0.1:3000/_queue go run ./examples/progress/checksum -job demo go.sum
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	log.SetFlags(0)
	function := os.Getenv("AWS_LAMBDA_RUNTIME_API") != ""
	job := flag.String("job", "demo", "`name` that those who watch know")
	if flag.Parse(); !function && flag.NArg() != 1 {
		log.Fatal("checksum reads one file or URL: checksum -job NAME FILE")
	}
	q, err := queueAt(context.Background(), os.Getenv("DOZE_QUEUE"))
	if err != nil {
		log.Fatal(err)
	}
	if function {
		lambda.Start(func(ctx context.Context, t task) error { return invoked(ctx, q, t) })
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	sum, err := run(ctx, q, task{*job, flag.Arg(0)}, open)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s  %s\n", sum, flag.Arg(0)) // as sha256sum does
}

// task is what the function is invoked with.
type task struct {
	Job string `json:"job"`
	URL string `json:"url"` // or, on a laptop, the name of a file
}

// spare is left of an invocation's time, for the report that it was not enough.
const spare = 3 * time.Second

// invoked runs a task as a function. The error of the task itself has been reported, and another try would end the same
// way; only what could not be reported is for Lambda to try again.
func invoked(ctx context.Context, q queue, t task) error {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, end.Add(-spare), errors.New("the function's time is over: give it a longer Timeout"))
		defer cancel()
	}
	_, err := run(ctx, q, t, get)
	if errors.As(err, new(*unreported)) {
		return err
	}
	if err != nil {
		log.Print(t.Job, ": ", err)
	}
	return nil
}

// open reads a URL, or else a file. The size is 0 or less when nobody knows it.
func open(ctx context.Context, place string) (_ io.ReadCloser, size int64, err error) {
	if strings.HasPrefix(place, "http://") || strings.HasPrefix(place, "https://") {
		return get(ctx, place)
	}
	f, err := os.Open(place)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// get reads a URL, such as a presigned one of S3.
func get(ctx context.Context, url string) (_ io.ReadCloser, size int64, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, errors.New("this is no URL")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, 0, err
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, 0, fmt.Errorf("the server answered %s", answer.Status)
	}
	return answer.Body, answer.ContentLength, nil
}
