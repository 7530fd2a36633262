package observe

// Kind says how values of a Figure add up.
type Kind int

const (
	Counter      Kind = iota // things that have happened; they are added up
	Distribution             // values of which one wants to know how many there are of each size
	Gauge                    // how much there is at the moment, counted in parts
)

// Unit is what a Figure is counted in, in CloudWatch's words.
type Unit string

// The units that there are.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
)

// Figure is one thing that is counted.
type Figure struct {
	Name  string // in CloudWatch's style, such as PostTime
	Kind  Kind
	Unit  Unit
	Label string // what its values are told apart by, such as Outcome; empty: by nothing. A Distribution has none
	Help  string // what it is, for people
}

// The figures. Each label has a bounded number of values, whatever clients do: docs/operate.md lists them.
var (
	Handshakes    = &Figure{"Handshakes", Counter, Count, "Transport", "sessions that have begun"}
	Connects      = &Figure{"Connects", Counter, Count, "", "sockets that have joined a namespace"}
	Disconnects   = &Figure{"Disconnects", Counter, Count, "Reason", "sockets that have left, by Socket.IO's reason"}
	Events        = &Figure{"Events", Counter, Count, "Event", "events of clients, by the name of their handler"}
	EventTime     = &Figure{"EventTime", Distribution, Milliseconds, "", "time that an event of a client took, with its ack"}
	HandlerErrors = &Figure{"HandlerErrors", Counter, Count, "", "errors and panics of the application's functions"}
	Recipients    = &Figure{"Recipients", Distribution, Count, "", "recipients of an emit"}
	Posts         = &Figure{"Posts", Counter, Count, "Outcome", "posts to connections, each attempt, by what became of them"}
	PostTime      = &Figure{"PostTime", Distribution, Milliseconds, "", "time that a post took, each attempt"}
	QueueAge      = &Figure{"QueueAge", Distribution, Milliseconds, "", "time that a job of the queue was overdue when it was begun"}
	OpenTime      = &Figure{"OpenTime", Distribution, Milliseconds, "", "time from the handshake over WebSocket to the post of the open packet"}
	UpgradeTime   = &Figure{"UpgradeTime", Distribution, Milliseconds, "", "time from the probe of an upgrade to its end"}
	Sessions      = &Figure{"Sessions", Gauge, Count, "Transport", "sessions that are open, as the sweeps have counted them"}
)

// Figures are all of them.
var Figures = []*Figure{
	Handshakes, Connects, Disconnects, Events, EventTime, HandlerErrors, Recipients, Posts, PostTime, QueueAge, OpenTime,
	UpgradeTime, Sessions,
}

// Other is the value of a label that stands for all that have none of their own.
const Other = "other"

// IsLabel reports whether a text can be the value of a label, wherever figures go: 1 to 255 bytes of printable ASCII,
// without a space at either end.
func IsLabel(s string) bool {
	if s == "" || len(s) > 255 || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
