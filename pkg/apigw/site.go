package apigw

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdaurl"

	"github.com/dozeio/doze/pkg/engine"
)

// notFound is what a request is told that is for neither.
var notFound = events.APIGatewayV2HTTPResponse{
	StatusCode: http.StatusNotFound, Headers: map[string]string{"Content-Type": "application/json"}, Body: `{"message":"Not Found"}`,
}

// isProtocol reports whether a path is the engine's: where clients look for a Socket.IO server. Everything below it is,
// to be refused if need be, but the files of the client, which have its name.
func isProtocol(e *engine.Engine, rawPath string) bool {
	rest, below := strings.CutPrefix(rawPath+"/", e.Options().Path)
	return below && !strings.HasPrefix(rest, "socket.io.")
}

// siteRequest answers an event of an HTTP API, which has the shape of a Function URL's, from a site.
func siteRequest(ctx context.Context, log *slog.Logger, site http.Handler, event []byte) (response events.APIGatewayV2HTTPResponse, err error) {
	var r events.LambdaFunctionURLRequest
	if err := json.Unmarshal(event, &r); err != nil {
		return response, err
	}
	answer, err := lambdaurl.Wrap(recovering(log, site))(ctx, &r)
	if err != nil { // a request that net/http cannot express
		return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusBadRequest}, nil
	}
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return response, err
	}
	response.StatusCode, response.Headers, response.Cookies = answer.StatusCode, answer.Headers, answer.Cookies
	response.Body, response.IsBase64Encoded = string(b), !utf8.Valid(b)
	if response.IsBase64Encoded {
		response.Body = base64.StdEncoding.EncodeToString(b)
	}
	return response, nil
}

// recovering answers 500 where a site panics, which lambdaurl runs in a goroutine of its own: it would end the process,
// and what else that does. A response that has begun ends where it is.
func recovering(log *slog.Logger, site http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p != http.ErrAbortHandler {
				log.ErrorContext(r.Context(), "the site panicked", "value", p, "stack", string(debug.Stack()))
			}
			w.WriteHeader(http.StatusInternalServerError)
		}()
		site.ServeHTTP(w, r)
	})
}
