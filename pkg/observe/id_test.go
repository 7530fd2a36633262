package observe_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/observe"
)

func TestLinesHaveTheIDOfTheirContext(t *testing.T) {
	var log bytes.Buffer
	plain := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	l := observe.Logger(plain)
	if observe.Logger(l) != l || l == plain {
		t.Error("a logger is made anew")
	}
	ctx := observe.WithID(t.Context(), "one")
	l.InfoContext(ctx, "a", "b", 1)
	observe.Logger(l.With("c", 2)).WarnContext(observe.WithID(ctx, "two"), "d")
	l.InfoContext(context.Background(), "e")
	l.Info("f")
	l.DebugContext(ctx, "not at this level")
	want := "level=INFO msg=a b=1 trace=one\nlevel=WARN msg=d c=2 trace=two\nlevel=INFO msg=e\nlevel=INFO msg=f\n"
	if log.String() != want {
		t.Errorf("got\n%swant\n%s", log.String(), want)
	}
	if observe.ID(ctx) != "one" || observe.ID(context.Background()) != "" {
		t.Error(observe.ID(ctx))
	}
}

func TestLabelsAreWhatEveryPlaceTakes(t *testing.T) {
	for text, want := range map[string]bool{
		"say": true, "a b": true, `"`: true, strings.Repeat("a", 255): true,
		"": false, " ": false, " a": false, "a ": false, "ä": false, "a\n": false, "\x7f": false, strings.Repeat("a", 256): false,
	} {
		if observe.IsLabel(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
