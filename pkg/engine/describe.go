package engine

import (
	"encoding/json"
	"fmt"
)

// DescribeJob says in words what a message of the job queue was to do, for who finds it in the dead-letter queue, and
// whether doing it later is of use. work is what a handler has to say more about: of a job that it has made, or the
// whole message where that is no job of this engine's; nil else.
func DescribeJob(message []byte) (text string, work json.RawMessage) {
	var j job
	var is struct {
		Kind *string `json:"kind"`
	}
	if json.Unmarshal(message, &is) != nil || is.Kind == nil {
		return "a message that is no job of the engine's", message
	}
	if err := json.Unmarshal(message, &j); err != nil {
		return fmt.Sprintf("a job that cannot be read (%v): resending it does nothing", err), nil
	}
	switch j.Kind {
	case jobOpen:
		return "posts the open packet to the new connection " + j.Connection + ": of no use after a minute, for the client has tried again", nil
	case jobReject:
		return "closes the connection " + j.Connection + ", which should not have been made", nil
	case jobGone:
		return "closes what is left of the connection " + j.Connection + ", as a sweep does, too", nil
	case jobSweep:
		return fmt.Sprintf("heartbeat of shard %d: of no use later, for the shard has another by then, or gets one with the next client", j.Shard), nil
	case jobJudge:
		return fmt.Sprintf("closes the clients of shard %d that have not answered a second ping: of no use later, for the next sweep does it", j.Shard), nil
	case jobFinish:
		return "runs the farewells of the closed session " + j.Address.Name() + ": of no use after some minutes, for a sweep has taken them over by then, and the job does nothing", nil
	case jobWork:
		return "a job of the application's server", j.Work
	}
	return fmt.Sprintf("a job of the kind %q, which this version does not know: resend it once the functions do", j.Kind), nil
}

// Undated returns a message of the job queue that is to be done anew: without the time for which it was asked, so that
// QueueAge does not count what it has lain in a dead-letter queue. What is no job of the engine's, or has no such time,
// is returned as it is.
func Undated(message []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(message, &fields) != nil || fields["kind"] == nil || fields["due"] == nil {
		return message
	}
	delete(fields, "due")
	b, err := json.Marshal(fields)
	if err != nil {
		return message
	}
	return b
}
