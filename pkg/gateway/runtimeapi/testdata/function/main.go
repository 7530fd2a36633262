// Command function is what the tests of runtimeapi run: it does as the event says.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do    string // what to do
	URL   string // to ask before the answer: whoever serves it decides when it goes on
	After string // URL that the extension asks after the answer
	Size  int
}

type answer struct {
	PID       int
	RequestID string
	ARN       string
	Trace     string
	Left      time.Duration
	Env       []string
	Dir       string
	Padding   string `json:",omitempty"`
}

var after = make(chan string, 1) // URLs for the extension

func handle(ctx context.Context, e event) (a answer, err error) {
	if os.Getenv("EXTENSION") != "" {
		after <- e.After
	}
	if e.URL != "" {
		get(e.URL)
	}
	switch e.Do {
	case "exit":
		fmt.Println("leaving")
		os.Exit(3)
	case "panic":
		panic("boom")
	case "error":
		return a, errors.New("no luck")
	}
	deadline, _ := ctx.Deadline()
	lc, _ := lambdacontext.FromContext(ctx)
	dir, _ := os.Getwd()
	fmt.Println("handled", lc.AwsRequestID)
	return answer{
		PID: os.Getpid(), RequestID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn, Trace: os.Getenv("_X_AMZN_TRACE_ID"), Left: time.Until(deadline),
		Env: os.Environ(), Dir: dir, Padding: strings.Repeat("x", e.Size),
	}, nil
}

func get(url string) {
	if r, err := http.Get(url); err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
}

func main() {
	switch os.Getenv("START") {
	case "fail":
		log.Fatal("the table is missing")
	case "report":
		post("/2018-06-01/runtime/init/error", `{"errorMessage":"no table","errorType":"App.Init"}`, nil)
		os.Exit(1)
	case "hang":
		get(os.Getenv("HANG"))
	case "unready": // registers, and never asks
		post("/2020-01-01/extension/register", `{"events":["INVOKE"]}`, http.Header{"Lambda-Extension-Name": {"forgetful"}})
	}
	if os.Getenv("EXTENSION") != "" {
		r := post("/2020-01-01/extension/register", `{"events":["INVOKE"]}`, http.Header{"Lambda-Extension-Name": {"after"}})
		go extension(r.Header.Get("Lambda-Extension-Identifier"))
	}
	lambda.Start(handle)
}

// extension asks a URL after each answer, and calls for the next invocation when it has been answered.
func extension(id string) {
	for {
		r, _ := http.NewRequest(http.MethodGet, base()+"/2020-01-01/extension/event/next", nil)
		r.Header.Set("Lambda-Extension-Identifier", id)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		var e struct{ EventType, RequestID string }
		if err := json.NewDecoder(response.Body).Decode(&e); err != nil || e.EventType != "INVOKE" {
			log.Fatal(err, e)
		}
		response.Body.Close()
		switch url := <-after; url {
		case "":
		case "fail":
			post("/2020-01-01/extension/exit/error", `{"errorMessage":"lost","errorType":"Extension.Lost"}`, http.Header{"Lambda-Extension-Identifier": {id}})
			select {}
		default:
			get(url)
		}
	}
}

func base() string { return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") }

func post(path, body string, h http.Header) *http.Response {
	r, _ := http.NewRequest(http.MethodPost, base()+path, bytes.NewReader([]byte(body)))
	for name, values := range h {
		r.Header[name] = values
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil || response.StatusCode/100 != 2 {
		log.Fatal(path, err, response)
	}
	response.Body.Close()
	return response
}
