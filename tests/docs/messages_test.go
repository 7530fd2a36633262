package docs

import (
	"strings"
	"testing"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// TestMessagesOfThePageAreTaken gives a deployment every message that docs/elsewhere.md shows, as its queue would.
func TestMessagesOfThePageAreTaken(t *testing.T) {
	text := page(t, "docs/elsewhere.md")
	var messages []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, `{"`) {
			messages = append(messages, line)
		} else if _, body, ok := strings.Cut(line, "--message-body '"); ok {
			messages = append(messages, strings.TrimSuffix(strings.TrimSpace(body), "'"))
		} else if _, body, ok := strings.Cut(line, `"Detail": "`); ok {
			body, _, _ = strings.Cut(body, `"}]`)
			messages = append(messages, strings.ReplaceAll(body, `\"`, `"`))
		} else if _, body, ok := strings.Cut(line, "curl -d '"); ok {
			body, _, _ = strings.Cut(body, "' ")
			messages = append(messages, body)
		} else if _, body, ok := strings.Cut(line, "InputTemplate: '"); ok {
			messages = append(messages, strings.Replace(strings.TrimSuffix(strings.TrimSpace(body), "'"), "<key>", `"a key"`, 1))
		}
	}
	if len(messages) != 11 {
		t.Fatalf("found %d messages: %q", len(messages), messages)
	}
	io := socketio.New(socketio.Options{})
	io.Of("/admin")
	e, _ := testparts.Of(socketiotest.New(t, io))
	for _, m := range messages {
		if err := e.Job(t.Context(), []byte(m)); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
}
