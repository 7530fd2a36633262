package admin_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// records are the lines of a log.
type records struct {
	mu  sync.Mutex
	all []slog.Record
}

func (r *records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *records) WithGroup(string) slog.Handler            { return r }
func (r *records) Handle(_ context.Context, one slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, one)
	return nil
}

// lines returns the lines that begin with a text, as the text and NAME=VALUE each.
func (r *records) lines(begin string) (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		if !strings.HasPrefix(one.Message, begin) {
			continue
		}
		line := one.Message
		one.Attrs(func(a slog.Attr) bool { line += fmt.Sprintf(" %s=%v", a.Key, a.Value); return true })
		all = append(all, line)
	}
	return all
}

// number returns an attribute of the lines that begin with a text, all of them added up.
func (r *records) number(begin, name string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		one.Attrs(func(a slog.Attr) bool {
			if strings.HasPrefix(one.Message, begin) && a.Key == name {
				n += int(a.Value.Int64())
			}
			return true
		})
	}
	return n
}
