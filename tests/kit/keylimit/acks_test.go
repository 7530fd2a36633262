package keylimit_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/store/memory"
	"github.com/dozeio/doze/pkg/store/storetest"
	"github.com/dozeio/doze/tests/kit/keylimit"
)

func TestContractOfAcks(t *testing.T) {
	storetest.Acks(t, func(_ *testing.T, now func() time.Time) acks.Store {
		s := unlimited(now)
		s.Questions = memory.New(now)
		return s
	})
}

// A thousand who are asked answer in one moment, each answer is handled, and somebody looks at them: no key of the
// table is too hot, and none comes near. With one key for all of them most would be refused.
func TestAThousandAnswersAtOnceMakeNoKeyHot(t *testing.T) {
	for _, one := range []bool{false, true} {
		t.Run(fmt.Sprintf("one key %v", one), func(t *testing.T) {
			now := begin
			table := memory.New(func() time.Time { return now })
			s := keylimit.NewStore(table, table, func() time.Time { return now })
			s.Questions = table
			q := acks.Question{Name: "voted", Until: begin.Add(time.Minute), Expires: begin.Add(time.Hour)}
			for i := range 1000 {
				q.Sockets = append(q.Sockets, fmt.Sprintf("%020d", i))
			}
			asked := len(q.Sockets)
			if one {
				asked = 1
			}
			var err error
			if q.ID, err = acks.NewID(rand.Reader, asked); err != nil {
				t.Fatal(err)
			}
			var throttled *keylimit.Throttled
			refused := 0
			note := func(err error) {
				t.Helper()
				if errors.As(err, &throttled) {
					refused++
				} else if err != nil {
					t.Fatal(err)
				}
			}
			note(s.Ask(t.Context(), q))
			for i, socket := range q.Sockets {
				op := fmt.Sprint("op", i)
				_, _, err := s.Answer(t.Context(), q.ID, acks.End{Socket: socket, Op: op, At: now, Data: []byte(`["yes"]`)})
				note(err)
				note(s.Done(t.Context(), q.ID, socket, op))
			}
			for range 4 {
				for part := range acks.Parts(q.ID) {
					_, _, err := s.Read(t.Context(), q.ID, part, false)
					note(err)
				}
			}
			hottest := s.Writes.Hottest(1)[0]
			t.Logf("%d refused, the hottest key: %+v", refused, hottest)
			if !one && (refused > 0 || hottest.Peak > 250) || one && refused < 500 {
				t.Errorf("%d were refused, the hottest key: %+v", refused, hottest)
			}
		})
	}
}
