package app

import (
	"testing"

	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestAReportReachesWhoWatchesTheJob(t *testing.T) {
	io := New()
	s := socketiotest.New(t, io)
	ada, bob := s.Connect("/"), s.Connect("/")
	for range 2 { // also after a broken connection
		if ack := ada.Emit("watch", "tea"); len(ack) != 0 {
			t.Errorf("watch is acked with %v", ack)
		}
	}
	bob.Emit("watch", "cake")
	if err := io.To("#job-tea").Emit(t.Context(), "progress", 1); err != nil {
		t.Fatal(err)
	}
	ada.Expect("progress", 1)
	bob.ExpectNothing()
	ada.Emit("unwatch", "tea")
	if err := io.To("#job-tea").Emit(t.Context(), "progress", 2); err != nil {
		t.Fatal(err)
	}
	ada.ExpectNothing()
}

func TestWhatIsNoNameOfAJobIsRefused(t *testing.T) {
	s := socketiotest.New(t, New())
	ada := s.Connect("/")
	for _, job := range []string{"", "a b", "../tea", "tea\n"} {
		if ack := ada.Emit("watch", job); len(ack) != 1 {
			t.Errorf("%q is acked with %v", job, ack)
		}
	}
}
