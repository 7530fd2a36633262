package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

func TestNumbersThatCannotBeAreNamed(t *testing.T) {
	for _, c := range []struct {
		o    engine.Options
		want string
	}{
		{engine.Options{PingInterval: 25}, "PingInterval is 25ns: write at least a millisecond, with a unit, such as 25 * time.Millisecond"},
		{engine.Options{PingTimeout: 20_000}, "PingTimeout is 20µs: write at least a millisecond, with a unit, such as 20000 * time.Millisecond"},
		{engine.Options{ConnectTimeout: 1}, "ConnectTimeout is 1ns"},
		{engine.Options{ConnectTimeout: -1}, ""},
		{engine.Options{UpgradeTimeout: -time.Second}, "UpgradeTimeout is -1s: write at least a millisecond, or zero"},
		{engine.Options{PollWait: 999 * time.Microsecond}, "PollWait is 999µs"},
		{engine.Options{MaxAge: 12}, "MaxAge is 12ns"},
		{engine.Options{PingInterval: 9 * time.Hour}, "PingInterval is 9h0m0s: write at most 15m0s"},
		{engine.Options{PingTimeout: 1000 * time.Hour}, "PingTimeout is 1000h0m0s: write at most 15m0s"},
		{engine.Options{PingInterval: 15 * time.Minute, PingTimeout: 15 * time.Minute}, ""},
		{engine.Options{MaxPayload: -1}, "MaxPayload is -1: write at least 1"},
		{engine.Options{MaxMessage: -2}, "MaxMessage is -2"},
		{engine.Options{Polls: -3}, "Polls is -3"},
	} {
		_, err := engine.New(nil, nil, nil, nil, c.o)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "engine: "+c.want)) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
}
