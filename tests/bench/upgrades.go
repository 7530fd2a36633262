package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// upgrades returns how long stock clients took from their first step to the upgrade, in milliseconds: the 50th and the
// 99th percentile of some that come one after the other.
func upgrades(ctx context.Context, s *server) ([]float64, error) {
	const clients = 200
	out, err := exec.CommandContext(ctx, "node", "tests/upgrades/clients.mjs", "--quiet", "--url", s.url,
		"--clients", fmt.Sprint(clients), "--batch", "1").Output()
	if err != nil {
		return nil, err
	}
	var ms []float64
	for line := range strings.Lines(string(out)) {
		var c struct {
			Upgrade float64
			Trouble []string
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			return nil, err
		}
		if len(c.Trouble) > 0 || c.Upgrade == 0 {
			return nil, fmt.Errorf("a client did not upgrade: %q", c.Trouble)
		}
		ms = append(ms, c.Upgrade)
	}
	if len(ms) != clients {
		return nil, fmt.Errorf("%d of %d clients upgraded", len(ms), clients)
	}
	ms = ms[clients/10:] // the first ones wait for Node to compile the client
	slices.Sort(ms)
	return []float64{ms[len(ms)/2], ms[len(ms)*99/100]}, nil
}
