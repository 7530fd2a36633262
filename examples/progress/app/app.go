// Package app lets clients watch jobs that run elsewhere. It knows nothing of the jobs: each reports to the room of its
// name, by a message on the deployment's job queue.
package app

import (
	"context"
	"regexp"

	"github.com/dozeio/doze/pkg/socketio"
)

// maxJobs is how many one client may watch at a time.
const maxJobs = 20

// New returns the application.
func New() *socketio.Server {
	io := socketio.New(socketio.Options{MaxRooms: maxJobs})
	root := io.Of("/")
	root.On("watch", watch)
	root.On("unwatch", unwatch)
	return io
}

var jobs = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// room is where a job reports, as the job knows.
func room(job string) string { return "#job-" + job }

// watch puts the socket into a job's room. Whoever knows a job's name may watch it: this is the place to ask for more.
func watch(ctx context.Context, s *socketio.Socket, job string) error {
	if !jobs.MatchString(job) {
		return &socketio.AckError{Data: map[string]string{"error": "A job's name has 1 to 64 letters, digits, - and _."}}
	}
	return s.Join(ctx, room(job))
}

func unwatch(ctx context.Context, s *socketio.Socket, job string) error {
	return s.Leave(ctx, room(job))
}
