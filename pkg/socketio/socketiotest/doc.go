// Package socketiotest tests an application in a few lines: in memory, with clients that are not real, without a port.
//
//	func TestJoiningIsAnnounced(t *testing.T) {
//		s := socketiotest.New(t, app.New())
//		ada := s.Connect("/", socketiotest.Auth(map[string]string{"nickname": "ada"}))
//		bob := s.Connect("/", socketiotest.Auth(map[string]string{"nickname": "bob"}))
//		ada.Emit("join", "go")
//		bob.Emit("join", "go")
//		ada.Expect("joined", "bob")
//		ada.ExpectNothing()
//	}
//
// Nothing waits: when a method returns, all that the server had to do on account of it is done, and what it sent has
// arrived. So a test never sleeps, and an event that is not there is not coming. Only time that the application itself
// asks for passes, on the system's clock, on the one in Options, or in a bubble of testing/synctest.
//
// The clients speak the real protocol with the real engine; what is not real is the network between them, which is
// without delay and keeps everything in order.
package socketiotest
