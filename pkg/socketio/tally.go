package socketio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// tally counts what goes wrong with the messages of one invocation, so that many that go wrong alike are one line of
// the log: a request may bring tens of thousands.
type tally struct {
	mu     sync.Mutex
	wrongs []wrong
	others int // beyond maxWrongs
}

// wrong is one line: what went wrong, so often.
type wrong struct {
	level   slog.Level
	message string
	socket  *Socket
	event   string
	cause   string // "" for none
	stack   string // of the first of them, if it was a panic
	count   int
}

// maxWrongs is how many lines one invocation writes; what is beyond it is counted in one more. Names of events and
// causes may be a client's, and all different.
const maxWrongs = 10

// Of texts that may be a client's, this many bytes are logged; of an application's error, which may quote them, this
// many.
const (
	maxLogged = 200
	maxError  = 1000
)

// failed counts an error of the application, or of what a client sent to it.
func (t *tally) failed(s *Socket, event, message string, err error) {
	w := wrong{level: levelOf(err), message: message, socket: s, event: cut(event, maxLogged)}
	w.cause, w.stack = logged(err)
	s.namespace.server.countFailure(w.level)
	t.mu.Lock()
	defer t.mu.Unlock()

	for i := range t.wrongs {
		v := &t.wrongs[i]
		if v.socket == w.socket && v.message == w.message && v.event == w.event && v.cause == w.cause {
			v.count++
			return
		}
	}
	if len(t.wrongs) == maxWrongs {
		t.others++
		return
	}
	w.count = 1
	t.wrongs = append(t.wrongs, w)
}

// write logs what was counted.
func (t *tally) write(ctx context.Context, log *slog.Logger) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.wrongs {
		attrs := []slog.Attr{
			slog.String("namespace", w.socket.namespace.name), slog.String("socket", w.socket.id), slog.String("event", w.event),
		}
		if w.cause != "" {
			attrs = append(attrs, slog.String("error", w.cause+w.stack))
		}
		log.LogAttrs(ctx, w.level, w.message, append(attrs, slog.Int("count", w.count))...)
	}
	if t.others > 0 {
		log.WarnContext(ctx, "more events of the same request went wrong, in other ways", "count", t.others)
	}
	t.wrongs, t.others = nil, 0
}

// because adds to the error of a handler whose context was cancelled why that was, where that is known.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// levelOf returns the level of an error in the log: a warning if a client can bring it about however right the
// application is.
func levelOf(err error) slog.Level {
	if errors.As(err, new(*panicked)) {
		return slog.LevelError
	}
	for _, clients := range []error{ErrGone, ErrBusy, ErrOutboxFull, ErrTooLarge} {
		if errors.Is(err, clients) {
			return slog.LevelWarn
		}
	}
	if errors.As(err, new(*ArgumentError)) || isLimited(err) {
		return slog.LevelWarn
	}
	return slog.LevelError
}

// limited is the error of what was asked for too much, or by a name that is not taken: mostly by a client.
type limited struct{ text string }

func (e limited) Error() string { return e.text }

// isLimited reports whether an error is of that kind, so that asking again has the same answer.
func isLimited(err error) bool { return errors.As(err, new(limited)) }

// logged returns so much of an error's text as is logged, and the stack of a panic, which has its addresses and so is
// seldom twice the same. The error may be a nil pointer, which fmt prints.
func logged(err error) (text, stack string) {
	most := maxError
	if errors.As(err, new(*ArgumentError)) {
		most = maxLogged
	}
	text = fmt.Sprint(err)
	if p := (*panicked)(nil); errors.As(err, &p) {
		stack = "\n" + string(p.stack)
		text = strings.Replace(text, stack, "", 1)
	}
	return cut(text, most), stack
}

// cut returns the beginning of a text.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
