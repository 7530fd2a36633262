package outgoing_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/dozeio/doze/pkg/apigw/outgoing"
)

// Lambda has both variables set, and the SDK sends the header with what it sends to SQS.
func TestHTTPQueueSendsTheLineageFromWithinAFunction(t *testing.T) {
	headers := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header.Get("X-Amzn-Trace-Id")
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	q := outgoing.NewHTTPQueue(server.URL)
	for _, c := range []struct{ name, trace, want string }{
		{"", "", ""},
		{"heartbeat", "", ""},
		{"", "Root=1-2-3;Lineage=1:a:0", ""},
		{"heartbeat", "Root=1-2-3;Lineage=1:a:0|1:b:2", "Root=1-2-3;Lineage=1:a:0%7C1:b:2"},
	} {
		for variable, value := range map[string]string{"AWS_LAMBDA_FUNCTION_NAME": c.name, "_X_AMZN_TRACE_ID": c.trace} {
			t.Setenv(variable, value)
			if value == "" {
				os.Unsetenv(variable) // until Setenv puts back what was there
			}
		}
		if err := q.Schedule(t.Context(), []byte("job"), 0); err != nil {
			t.Fatal(err)
		}
		if got := <-headers; got != c.want {
			t.Errorf("%+v: sent %q", c, got)
		}
	}
}
