package socketio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// DescribeJob says in words what a message of the job queue was to do, for who finds it in the dead-letter queue:
// doze redrive. What is no job and no message of docs/elsewhere.md is described by what is wrong with it.
func DescribeJob(message []byte) string {
	text, work := engine.DescribeJob(message)
	switch {
	case work == nil:
		return text
	case bytes.Equal(work, message): // no job
		c, err := readCommand(message)
		if err != nil {
			return "no job and no message: " + err.Error() + ": resending it does nothing"
		}
		return c.describe()
	}
	if j, ok := overdueOf(work); ok {
		return fmt.Sprintf("ends a question of Then in %s, whose answers go to OnAck: of no use after an hour", j.Namespace)
	}
	if j, ok := unconfirmedOf(work); ok {
		var names []string
		for _, name := range j.Joined {
			names = append(names, string(name))
		}
		return fmt.Sprintf("looks whether the socket %s in %s, which has joined %s, is still there, and takes it out if not: of use for as long as its rooms name it",
			cut(j.Socket, maxLogged), cut(j.Namespace, maxLogged), listed(names))
	}
	if _, ok := watchedOf(work); ok {
		return "counts for those who look at the Admin UI: of no use later, for who looks then has another"
	}
	var j unserved
	if err := json.Unmarshal(work, &j); err != nil {
		return "work that cannot be read (" + err.Error() + "): resending it does nothing"
	}
	if j.Disconnect != nil {
		return j.Disconnect.command().describe()
	}
	var rooms []string
	for _, p := range j.Parts {
		if len(p.Room) > 0 {
			rooms = append(rooms, string(p.Room))
		}
	}
	return fmt.Sprintf("disconnects clients of %s that an emit of %s has not come to, so that they know",
		whom(j.Namespace, len(rooms) < len(j.Parts), rooms), j.At.UTC().Format(time.RFC3339))
}

// describe says what a command does, without the arguments of an event.
func (c command) describe() string {
	what := "disconnects sockets"
	switch {
	case c.emit != nil:
		what = fmt.Sprintf("emits %q", cut(*c.emit, maxLogged))
	case c.join != nil:
		what = "puts sockets into " + listed(c.join)
	case c.leave != nil:
		what = "takes sockets out of " + listed(c.leave)
	case c.close:
		what = "disconnects clients altogether"
	}
	rooms, all := c.to, c.all
	if c.only != "" {
		rooms, all = []string{c.only}, false
	}
	of := " of "
	if c.emit != nil {
		of = " to "
	}
	text := what + of + whom(c.namespace, all, rooms)
	if len(c.except) > 0 {
		text += " but not " + listed(c.except)
	}
	if c.reason != "" {
		text += ", because: " + cut(c.reason, maxLogged)
	}
	return text
}

// whom names sockets of a namespace.
func whom(namespace string, all bool, rooms []string) string {
	switch {
	case all:
		return "all " + cut(namespace, maxLogged)
	case len(rooms) == 0:
		return "nobody"
	}
	return listed(rooms) + " in " + cut(namespace, maxLogged)
}

// listed names some rooms.
func listed(rooms []string) string {
	return cut(strings.Join(rooms, ", "), maxLogged)
}
