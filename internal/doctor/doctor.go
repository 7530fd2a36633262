// Package doctor reads what an account allows, how a stack is set and what it has open, and says in plain words what is
// wrong, what to raise, and what that costs. It changes nothing.
package doctor

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Level is how much a finding matters.
type Level string

// The levels, those first that matter most.
const (
	Wrong   Level = "wrong"   // clients suffer, or will when more come
	Raise   Level = "raise"   // a limit that is near, or that is in the way of more clients
	Unknown Level = "unknown" // it could not be read
	Fine    Level = "fine"
)

var order = []Level{Wrong, Raise, Unknown, Fine}

// Finding is what one check says.
type Finding struct {
	Check string `json:"check"`
	Level Level  `json:"level"`
	Says  string `json:"says"`
	Do    string `json:"do,omitempty"`    // "" for nothing
	Costs string `json:"costs,omitempty"` // of Do
}

// Examine asks AWS about a stack and returns what the checks find, what matters most first. What cannot be asked, for
// want of rights or because a stand-in does not know it, is a finding, too. The error is for a stack that cannot be
// found. It reads the table's 16 partitions of clients once.
func Examine(ctx context.Context, cfg aws.Config, stack string) ([]Finding, error) {
	f, err := read(ctx, cfg, stack)
	if err != nil {
		return nil, err
	}
	var all []Finding
	for _, c := range checks {
		for _, found := range c.check(f) {
			found.Check = c.name
			all = append(all, found)
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return slices.Index(order, a.Level) - slices.Index(order, b.Level) })
	return all, nil
}
