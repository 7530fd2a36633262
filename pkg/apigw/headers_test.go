package apigw_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"testing"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/memory"
)

// Of an answer to $connect AWS says what a subprotocol does, and nothing of other headers: the application's are not in
// it. The reason of a refusal is.
func TestAConnectIsAnsweredWithTheSubprotocolAlone(t *testing.T) {
	w := &world{}
	e, err := engine.New(memory.New(nil), w, w, w, engine.Options{
		Logger: slog.New(slog.DiscardHandler),
		Headers: func(_ context.Context, _ engine.Request, h http.Header) {
			h.Add("Set-Cookie", "a=1")
			h.Set("X-A", "b")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]map[string]string{
		`{"EIO":"4","transport":"websocket"}`: {"Sec-WebSocket-Protocol": "chat"},
		`{"EIO":"3","transport":"websocket"}`: {"Content-Type": "application/json"},
	} {
		event := `{"requestContext":{"eventType":"CONNECT","connectionId":"c"},"headers":{"Sec-WebSocket-Protocol":"chat"},"queryStringParameters":` + query + `}`
		b, err := apigw.NewConnect(e, nil).Invoke(t.Context(), []byte(event))
		var got struct{ Headers map[string]string }
		if err != nil || json.Unmarshal(b, &got) != nil || !maps.Equal(got.Headers, want) {
			t.Errorf("%s: %s %v", query, b, err)
		}
	}
}
