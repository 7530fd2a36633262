package outgoing_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
)

// TestPosterMeansWhatTheGatewayAnswers checks what the engine makes of each answer of the @connections API, and that
// nothing is tried twice: a second post might be delivered twice.
func TestPosterMeansWhatTheGatewayAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header string // x-amzn-ErrorType
		want   error  // nil: none; errOther: one that is none of the engine's
	}{
		{"sent", 200, "", nil},
		{"410 is gone", 410, "GoneException", engine.ErrGone},
		{"400 is an id that was never one", 400, "BadRequestException", engine.ErrGone},
		{"429 is busy", 429, "LimitExceededException", engine.ErrBusy},
		{"413 is too large", 413, "PayloadTooLargeException", engine.ErrTooLarge},
		{"403 is not gone", 403, "ForbiddenException", errOther},
		{"404 is another server", 404, "", errOther},
		{"503 is unknown", 503, "", errOther},
		{"500 is unknown", 500, "InternalServerError", errOther},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				if c.header != "" {
					w.Header().Set("X-Amzn-ErrorType", c.header)
				}
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			err := poster(server.URL).Post(t.Context(), "R1kmxc2VNjMCFIA=", engine.Frame{Data: []byte("2")})
			switch {
			case c.want == nil && err != nil, c.want != nil && err == nil:
				t.Errorf("got %v, want %v", err, c.want)
			case c.want == errOther:
				var answer interface{ HTTPStatusCode() int } // by which posts are counted
				if !errors.As(err, &answer) || answer.HTTPStatusCode() != c.status {
					t.Errorf("the status is not in %v", err)
				}
				for _, known := range []error{engine.ErrGone, engine.ErrBusy, engine.ErrTooLarge} {
					if errors.Is(err, known) {
						t.Errorf("got %v, which says more than is known", err)
					}
				}
			case !errors.Is(err, c.want):
				t.Errorf("got %v, want %v", err, c.want)
			}
			if calls != 1 {
				t.Errorf("%d calls, want 1", calls)
			}
		})
	}
}

var errOther = errors.New("another error")

func TestPosterNamesTheConnectionAndMarksBinary(t *testing.T) {
	type request struct{ method, path, frame, body string }
	got := make(chan request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- request{r.Method, r.URL.EscapedPath(), r.Header.Get("X-Doze-Frame"), string(b)}
	}))
	defer server.Close()
	p := poster(server.URL + "/local")
	const id = "R1kmxc2VNjMCFIA="
	for _, c := range []struct {
		do   func(context.Context) error
		want request
	}{
		{func(ctx context.Context) error { return p.Post(ctx, id, engine.Frame{Data: []byte("42[]")}) },
			request{"POST", "/local/@connections/R1kmxc2VNjMCFIA%3D", "", "42[]"}},
		{func(ctx context.Context) error {
			return p.Post(ctx, id, engine.Frame{Binary: true, Data: []byte{1, 2}})
		},
			request{"POST", "/local/@connections/R1kmxc2VNjMCFIA%3D", "binary", "\x01\x02"}},
		{func(ctx context.Context) error { return p.Disconnect(ctx, id) },
			request{"DELETE", "/local/@connections/R1kmxc2VNjMCFIA%3D", "", ""}},
	} {
		if err := c.do(t.Context()); err != nil {
			t.Error(err)
		}
		if r := <-got; r != c.want {
			t.Errorf("got %q, want %q", r, c.want)
		}
	}
}

// TestPosterTellsWhatIsGone: a connection that is being opened is 410 too, so whoever disconnects must hear of it.
func TestPosterTellsWhatIsGone(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", "GoneException")
		w.WriteHeader(http.StatusGone)
	}))
	defer server.Close()
	if err := poster(server.URL).Disconnect(t.Context(), "x"); !errors.Is(err, engine.ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
	if err := poster(server.URL).Exists(t.Context(), "x"); !errors.Is(err, engine.ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
}

func poster(url string) *outgoing.Poster {
	return outgoing.NewPoster(aws.Config{Region: "local", Credentials: aws.AnonymousCredentials{}}, url)
}
