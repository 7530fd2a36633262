// Package notes is how processes that never meet leave one another short texts and counts: who is logged in, whether
// somebody looks on, what has happened since anybody last asked. Each has a key and goes by itself after a time.
//
// The contract is [Store]. This package holds no state, and imports nothing of Doze.
package notes

import (
	"context"
	"time"
)

// Store keeps notes and counts. It is written for a database with conditional writes of single items, and without
// transactions. Every method may be called by any number of processes at once. A row whose expiry has passed is absent
// to every method, whether or not the store has deleted it.
//
// An error with a method Temporary() bool that returns true is worth a retry. A key is any text of 1 to 500 bytes; those
// of notes and those of counts have nothing to do with each other.
type Store interface {
	// Note returns the text under a key, "" when there is none. With strong false it may be some time old, at half the
	// price.
	Note(ctx context.Context, key string, strong bool) (string, error)

	// PutNote replaces the text under a key by next if it still is old, "" standing for none in both. It reports
	// whether next is there, now or by an earlier attempt: so a text that has been there before must not come again.
	// Texts are UTF-8 of 64 KiB at most, and cost a write for
	// each KiB.
	PutNote(ctx context.Context, key, old, next string, expires time.Time) (bool, error)

	// AddCounts adds to the counts under a key, by their names, which are UTF-8 of 1 to 200 bytes; they go together at the
	// last of the times that they are given. A call whose error leaves open whether it was written may have counted:
	// whoever calls again counts twice.
	AddCounts(ctx context.Context, key string, counts map[string]int, expires time.Time) error

	// TakeCounts returns the counts under a key, and takes them away: what was added is returned once, or never when the
	// answer is lost. Without counts the map is empty.
	TakeCounts(ctx context.Context, key string) (map[string]int, error)
}

// Retrying returns a Store that makes each call of another one that may be repeated by way of retry, which calls the
// function it gets until that has succeeded, or for as long as it sees fit, and returns the last error. AddCounts and
// TakeCounts are tried once.
func Retrying(store Store, retry func(context.Context, func() error) error) Store {
	return &retrying{store, retry}
}

var _ Store = (*retrying)(nil)

type retrying struct {
	Store
	retry func(context.Context, func() error) error
}

func (r *retrying) Note(ctx context.Context, key string, strong bool) (text string, err error) {
	err = r.retry(ctx, func() (err error) { text, err = r.Store.Note(ctx, key, strong); return err })
	return text, err
}

func (r *retrying) PutNote(ctx context.Context, key, old, next string, expires time.Time) (ok bool, err error) {
	err = r.retry(ctx, func() (err error) { ok, err = r.Store.PutNote(ctx, key, old, next, expires); return err })
	return ok, err
}
