package gateway_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"

	"github.com/dozeio/doze/pkg/gateway"
)

func TestConnectionsAPIKnowsAConnectionAMomentAfterItsHandshake(t *testing.T) {
	clock := newClock()
	b := start(t, gateway.Options{Clock: clock, ConnectGap: 10 * time.Millisecond, Faults: gateway.Faults{EarlyPostArrives: 1, Max: 1}})
	c, id := b.connect()
	for _, left := range []time.Duration{10 * time.Millisecond, 1} {
		clock.Advance(10*time.Millisecond - left - clock.Now().Sub(newClock().Now()))
		_, err := b.describe(id)
		for name, err := range map[string]error{"post": b.post(id, "early"), "get": err, "delete": b.delete(id)} {
			if !isType[*types.GoneException](err) {
				t.Errorf("%s, %v too early: %v", name, left, err)
			}
		}
	}
	b.say(c, "said") // the other way is open
	for _, want := range []string{"early", "said"} {
		if got := b.hear(c); got != want { // the first post arrived nevertheless
			t.Errorf("%q, want %q", got, want)
		}
	}
	clock.Advance(1)
	if _, err := b.describe(id); err != nil {
		t.Error(err)
	}
	if err := b.post(id, "posted"); err != nil || b.hear(c) != "posted" {
		t.Error(err)
	}
}

func TestAPostMayBe410RightAfterGetConnection(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	if err := b.SetFaults(gateway.Faults{OpenThenGone: 1, Max: 1}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := b.describe(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.post(id, "lost"); !isType[*types.GoneException](err) {
		t.Errorf("%v", err)
	}
	if err := b.post(id, "kept"); err != nil || b.hear(c) != "kept" {
		t.Error(err)
	}
}
