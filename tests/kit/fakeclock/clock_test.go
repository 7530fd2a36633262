package fakeclock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dozeio/doze/tests/kit/fakeclock"
)

func Example() {
	clock := fakeclock.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	say := func(what string) func() {
		return func() { fmt.Println(clock.Now().Format("15:04"), what) }
	}
	clock.AfterFunc(2*time.Hour, say("lunch"))
	clock.AfterFunc(time.Hour, func() {
		say("coffee")()
		clock.AfterFunc(30*time.Minute, say("work"))
	})
	stop := clock.AfterFunc(90*time.Minute, say("never"))
	fmt.Println(stop(), stop(), clock.Waiting())
	clock.Advance(3 * time.Hour)
	fmt.Println(clock.Now().Format("15:04"), clock.Waiting())
	// Output:
	// true false 2
	// 01:00 coffee
	// 01:30 work
	// 02:00 lunch
	// 03:00 0
}

func TestStopAfterItRanReportsFalse(t *testing.T) {
	clock := fakeclock.New(time.Now())
	ran := 0
	stop := clock.AfterFunc(0, func() { ran++ })
	if _, ok := clock.Next(); ran != 0 || !ok {
		t.Fatal("it ran before Advance")
	}
	clock.Advance(0)
	if ran != 1 || stop() {
		t.Fatalf("ran %d times", ran)
	}
	if _, ok := clock.Next(); ok {
		t.Fatal("something still waits")
	}
}

func TestEqualTimesRunInTheOrderOfTheirMaking(t *testing.T) {
	clock := fakeclock.New(time.Now())
	var got []int
	for i := range 10 {
		clock.AfterFunc(time.Second, func() { got = append(got, i) })
	}
	clock.Advance(time.Second)
	for i, v := range got {
		if i != v {
			t.Fatal(got)
		}
	}
}

func TestAwaitSeesFunctionsOfOtherGoroutines(t *testing.T) {
	clock := fakeclock.New(time.Now())
	for range 3 {
		go clock.AfterFunc(time.Hour, func() {})
	}
	clock.Await(3)
	if n := clock.Waiting(); n != 3 {
		t.Fatalf("%d functions wait", n)
	}
}
