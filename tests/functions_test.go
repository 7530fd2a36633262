package tests

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// TestFunctionAnswersThroughTheRuntimeAPI builds the connect function as it is deployed and gives it a handshake by the
// Lambda Runtime API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
func TestFunctionAnswersThroughTheRuntimeAPI(t *testing.T) {
	event, err := json.Marshal(events.APIGatewayV2HTTPRequest{
		RawPath: "/socket.io/", RawQueryString: "EIO=4&transport=polling",
		RequestContext: events.APIGatewayV2HTTPRequestContext{HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: "GET"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan []byte, 1)
	given := false
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		if given {
			<-r.Context().Done() // nothing more to do, as for a function that is frozen
			return
		}
		given = true
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", "32503680000000")
		w.Write(event)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/request-1/response", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		answers <- b
		w.WriteHeader(http.StatusAccepted)
	})
	// The table, which takes every write, and what the function schedules.
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		io.WriteString(w, "{}")
	})
	mux.HandleFunc("POST /_queue", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	server := httptest.NewServer(mux)
	defer server.Close()

	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), buildFunction(t, "connect"))
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"), "AWS_REGION=local",
		"AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "DOZE_TABLE=doze", "DOZE_CONNECTIONS="+server.URL+"/local", "DOZE_QUEUE="+server.URL+"/_queue")
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	var response events.APIGatewayV2HTTPResponse
	select {
	case b := <-answers:
		if err := json.Unmarshal(b, &response); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("no answer: %s", stderr.String())
	}
	if response.StatusCode != 200 || !strings.HasPrefix(response.Body, `0{"sid":"`) || !strings.Contains(response.Body, `"pingInterval":300000`) {
		t.Errorf("the handshake was answered with %d %q", response.StatusCode, response.Body)
	}
}

// TestFunctionSaysWhatItsEnvironmentLacks starts each function without any settings.
func TestFunctionSaysWhatItsEnvironmentLacks(t *testing.T) {
	for _, name := range []string{"connect", "message", "disconnect", "heartbeat"} {
		out, err := exec.CommandContext(t.Context(), buildFunction(t, name)).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "DOZE_TABLE") {
			t.Errorf("%s: %v %s", name, err, out)
		}
	}
}

// buildFunction compiles a function for this machine, with the flags of a deployment.
func buildFunction(t *testing.T, name string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags=-s", "-o", binary, "../functions/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}
