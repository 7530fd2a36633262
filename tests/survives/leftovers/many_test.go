//go:build full

package leftovers

import "testing"

func TestNothingIsLeftOf10000Clients(t *testing.T) { nothingIsLeft(t, 10_000, 8, false) }
