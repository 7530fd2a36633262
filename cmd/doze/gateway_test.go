package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fakeAWS has a stack with three functions, which answer with their names and the path of the event.
func fakeAWS(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) { // CloudFormation
		name := r.FormValue("LogicalResourceId")
		fmt.Fprintf(w, `<DescribeStackResourceResponse><DescribeStackResourceResult><StackResourceDetail><LogicalResourceId>%s</LogicalResourceId>`+
			`<PhysicalResourceId>chat-%s</PhysicalResourceId></StackResourceDetail></DescribeStackResourceResult></DescribeStackResourceResponse>`, name, name)
	})
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Amzn-Requestid", "of-"+r.PathValue("name"))
		switch path := regexp.MustCompile(`"rawPath":"([^"]*)"`).FindSubmatch(event); {
		case path == nil:
			io.WriteString(w, `{"statusCode":200}`)
		case string(path[1]) == "/fail":
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			io.WriteString(w, `{"errorType":"Broken","errorMessage":"as asked"}`)
		default:
			fmt.Fprintf(w, `{"statusCode":200,"body":"%s answers %s"}`, r.PathValue("name"), path[1])
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// TestGatewayInvokesTheFunctionsOfAStack runs doze gateway as main does.
func TestGatewayInvokesTheFunctionsOfAStack(t *testing.T) {
	for _, variable := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(variable, "test")
	}
	ctx, interrupt := context.WithCancel(t.Context())
	reader, out := io.Pipe()
	log := &lines{}
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"gateway", "-stack", "chat", "-endpoint", fakeAWS(t), "-addr", "127.0.0.1:0", "-host", "chat.test", "-v"}, out, log)
		out.Close()
	}()
	said, text := make([]byte, 4096), ""
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+\b`)
	for !address.MatchString(text) {
		n, err := reader.Read(said)
		if err != nil {
			t.Fatal(err, <-ended)
		}
		text += string(said[:n])
	}
	go io.Copy(io.Discard, reader)
	for request, want := range map[string]string{
		"GET /":                   "200 chat-PollFunction answers /",
		"GET /chat.js":            "200 chat-PollFunction answers /chat.js",
		"GET /socket.io/":         "200 chat-PollFunction answers /socket.io/",
		"OPTIONS /socket.io/":     "200 chat-PollFunction answers /socket.io/",
		"POST /socket.io/":        "200 chat-MessageFunction answers /socket.io/",
		"GET /fail":               `500 {"message":"Internal Server Error"}`,
		"GET /local/@connections": `403 {"message":"Forbidden"}`,
	} {
		method, path, _ := strings.Cut(request, " ")
		r, err := http.NewRequest(method, address.FindString(text)+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if got := fmt.Sprint(res.StatusCode, " ", string(b)); err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", request, got, err, want)
		}
	}
	for host, want := range map[string]int{"chat.test": 200, "evil.example": 421} {
		if got := statusFor(t, address.FindString(text), host); got != want {
			t.Errorf("as %s: %d, want %d", host, got, want)
		}
	}
	interrupt()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(closeTimeout + 5*time.Second):
		t.Fatal("doze gateway did not end")
	}
	for _, line := range []string{`msg=request api=http method=POST uri=/socket.io/ status=200 trace=of-chat-MessageFunction`, `msg=invocation function=POST .* trace=of-chat-MessageFunction`} {
		if !regexp.MustCompile(line + "\n").MatchString(log.String()) { // by which the function's own log calls it
			t.Errorf("no line %s in the log:\n%s", line, log)
		}
	}
	if !strings.Contains(log.String(), "Broken: as asked") {
		t.Errorf("the log does not say why a function failed: %s", log)
	}
}

func TestGatewayWarnsWhereOthersReachIt(t *testing.T) {
	for address, warned := range map[string]bool{"127.0.0.1": false, "192.168.1.2": true} {
		var log strings.Builder
		gatewayIsUp(io.Discard, &log, "chat", &net.TCPAddr{IP: net.ParseIP(address), Port: 3000})
		if strings.Contains(log.String(), "Others on your network") != warned {
			t.Errorf("%s: %q", address, log.String())
		}
	}
}
