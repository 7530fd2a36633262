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
	out, err := exec.CommandContext(ctx, "node", "tests/asnode/upgrades/clients.mjs", "--quiet", "--url", s.url,
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
	return percentiles(ms), nil
}

// firstAcks returns how long stock clients waited for the ack of an event that they sent at once, in milliseconds: the
// 50th and the 99th percentile of some that come one after the other.
func firstAcks(ctx context.Context, s *server) ([]float64, error) {
	out, err := exec.CommandContext(ctx, "node", "tests/costs/bench/firstack.mjs", s.url, "200", "echo").Output()
	if err != nil {
		return nil, err
	}
	var ms []float64
	if err := json.Unmarshal(out, &ms); err != nil {
		return nil, err
	}
	return percentiles(ms), nil
}

// percentiles returns the 50th and the 99th, without those who came first and waited for Node to compile the client.
func percentiles(ms []float64) []float64 {
	ms = ms[len(ms)/10:]
	slices.Sort(ms)
	return []float64{ms[len(ms)/2], ms[len(ms)*99/100]}
}
