package keylimit_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/memory"
	"github.com/dozeio/doze/pkg/store/storetest"
	"github.com/dozeio/doze/tests/kit/keylimit"
)

// unlimited is a Store that refuses nothing: the suites write to one key as fast as they can.
func unlimited(now func() time.Time) *keylimit.Store {
	s := memory.New(now)
	return &keylimit.Store{Sessions: s, Memberships: s, Reads: &keylimit.Limit{}, Writes: &keylimit.Limit{}, Now: time.Now}
}

// A Store does what the store in it does.
func TestContracts(t *testing.T) {
	t.Run("sessions", func(t *testing.T) {
		storetest.Sessions(t, func(_ *testing.T, now func() time.Time) engine.Store {
			return unlimited(now)
		})
	})
	t.Run("rooms", func(t *testing.T) {
		storetest.Rooms(t, func(_ *testing.T, now func() time.Time) rooms.Store {
			return unlimited(now)
		})
	})
}

// Pongs that come as fast as they can are too many for the partition of their shard, whoever else writes elsewhere; and
// what is refused is not written.
func TestAHotPartitionIsThrottled(t *testing.T) {
	now := begin
	table := memory.New(func() time.Time { return now })
	s := keylimit.NewStore(table, table, func() time.Time { return now })
	address := func(i int) engine.Address { return engine.Address(fmt.Sprint("wconnection", i)) }
	var shard0 []engine.Address
	for i := 0; len(shard0) < 1500; i++ {
		if a := address(i); engine.Shard(a) == 0 {
			shard0 = append(shard0, a)
			l := engine.Live{Address: a, Created: begin, Last: begin, Expires: begin.Add(time.Hour)}
			if err := table.PutLive(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
	}
	now = now.Add(time.Minute)
	refused := 0
	for _, a := range shard0 {
		err := s.Touch(t.Context(), a, now, false)
		var throttled *keylimit.Throttled
		switch {
		case errors.As(err, &throttled) && throttled.Temporary() && throttled.Key == "L0":
			refused++
		case err != nil:
			t.Fatal(err)
		}
	}
	lives, err := s.Lives(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lives {
		if !l.Last.Equal(now) {
			refused--
		}
	}
	if hottest := s.Writes.Hottest(1)[0]; refused != 0 || hottest != (keylimit.Key{Key: "L0", Units: 1000, Peak: 1000, Refused: 500}) {
		t.Errorf("%d were refused and written, or the other way round; the hottest is %+v", refused, hottest)
	}
	if reads := s.Reads.Hottest(1)[0]; reads.Key != "L0" || reads.Units != 38 { // 1,500 rows, 40 to a unit
		t.Errorf("read %+v", reads)
	}
	if _, err := s.Join(t.Context(), "/", rooms.Member{Socket: "a"}, "", "red", "a"); err != nil {
		t.Error(err)
	}
	if n := len(s.Writes.Hottest(10)); n != 4 { // everyone, the socket's list, the room's partition
		t.Errorf("%d partitions were written to: %+v", n, s.Writes.Hottest(10))
	}
}
