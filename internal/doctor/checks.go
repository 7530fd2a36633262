package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// check is one of those that doze doctor makes. It says Fine when there is nothing to say.
type check struct {
	name  string
	check func(f *facts) []Finding
}

var checks = []check{
	{"stack", checkStack},
	{"functions", checkFunctions},
	{"heartbeat", checkHeartbeat},
	{"jobs", checkJobs},
	{"dead letters", checkDeadLetters},
	{"concurrency", checkConcurrency},
	{"polls", checkPolls},
	{"new connections", checkConnections},
	{"messages", checkMessages},
	{"table", checkTable},
	{"alarms", checkAlarms},
	{"who may connect", checkOrigins},
}

const free = "nothing: a quota is a ceiling, and only what is used is billed"

func one(l Level, says, do, costs string) []Finding {
	return []Finding{{Level: l, Says: says, Do: do, Costs: costs}}
}

func fine(format string, args ...any) []Finding {
	return one(Fine, fmt.Sprintf(format, args...), "", "")
}

// unknown is what is found where something could not be read.
func unknown(what string, err error) []Finding {
	if errors.Is(err, errMissing) {
		return one(Unknown, fmt.Sprintf("%s could not be read: %v", what, err), "deploy this version's template; a stack with other names cannot be examined", "nothing")
	}
	return one(Unknown, fmt.Sprintf("%s could not be read: %v", what, err), "give who runs this the right, which docs/operate.md lists; a stand-in for AWS may not know it", "")
}

func checkStack(f *facts) []Finding {
	switch {
	case strings.HasSuffix(f.status, "_IN_PROGRESS"): // UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS among them
		return one(Raise, "the stack is being changed: "+f.status, "wait, and ask again", "")
	case strings.HasSuffix(f.status, "_FAILED"), f.status == "ROLLBACK_COMPLETE":
		return one(Wrong, "the stack is in the state "+f.status, "read its events in the console of CloudFormation, and deploy again", "nothing")
	case f.status == "UPDATE_ROLLBACK_COMPLETE":
		return one(Raise, "the last update has failed, and the stack is as it was before", "read its events in the console of CloudFormation, and deploy again", "nothing")
	}
	all := fine("it is in the state %s", f.status)
	if f.parameters["Verify"] == "yes" {
		all = append(all, Finding{Level: Raise, Says: "Verify is yes: whoever may connect may have it send and measure things", Do: "set it back to no once doze verify has been asked", Costs: "nothing"})
	}
	return all
}

func checkFunctions(f *facts) (all []Finding) {
	tables := map[string]bool{}
	for _, name := range functionNames {
		k := f.functions[name]
		switch reserved := f.reserved[name]; {
		case reserved.err != nil && k.err == nil && name != "PollFunction": // checkPolls has that
			all = append(all, unknown("the reserved concurrency of "+name, reserved.err)...)
		case reserved.err == nil && reserved.is != nil && *reserved.is == 0:
			all = append(all, one(Wrong, name+" does not run: its reserved concurrency is 0, which is what \"Throttle\" in the console of Lambda sets", "once the cause for that is gone, choose unreserved concurrency there, or for PollFunction what PollConcurrency says", "nothing")...)
		}
		switch {
		case k.err != nil:
			all = append(all, unknown("the settings of "+name, k.err)...)
			continue
		case k.is.state != "" && k.is.state != "Active" && k.is.state != "Inactive":
			all = append(all, one(Wrong, name+" is in the state "+k.is.state, "deploy again", "nothing")...)
		case k.is.update == "Failed":
			all = append(all, one(Wrong, "the last update of "+name+" has failed", "deploy again", "nothing")...)
		}
		tables[k.is.table] = true
	}
	if len(tables) > 1 {
		all = append(all, one(Wrong, "the functions have different DOZE_TABLE: they do not see each other's clients", "deploy again, which sets it", "nothing")...)
	}
	if all == nil {
		return fine("all five are there")
	}
	return all
}

func checkHeartbeat(f *facts) (all []Finding) {
	switch k := f.recursion; {
	case k.err != nil:
		all = append(all, unknown("RecursiveLoop of HeartbeatFunction", k.err)...)
	case k.is != "Allow":
		all = append(all, one(Wrong, "HeartbeatFunction has RecursiveLoop "+k.is+": Lambda ends the chain of heartbeats within some sixteen, and clients are not pinged", "deploy again, which sets it to Allow", "nothing")...)
	}
	switch k := f.mapping; {
	case k.err != nil:
		all = append(all, unknown("what invokes HeartbeatFunction", k.err)...)
	case k.is == "":
		all = append(all, one(Wrong, "nothing invokes HeartbeatFunction: no client is pinged, and no job is done", "deploy again", "nothing")...)
	case k.is != "Enabled" && k.is != "Enabling" && k.is != "Updating" && k.is != "Creating":
		all = append(all, one(Wrong, "what invokes HeartbeatFunction is "+k.is+": no client is pinged, and no job is done", "enable the trigger in the console of Lambda, or deploy again", "nothing")...)
	}
	visible, ok := number(f.jobs.is, "VisibilityTimeout")
	if h := f.functions["HeartbeatFunction"]; ok && h.err == nil && h.is.timeout > 0 && visible < float64(h.is.timeout) {
		all = append(all, one(Wrong, fmt.Sprintf("the job queue hides a message for %v s, and its function may take %d s: jobs are done twice", visible, h.is.timeout), "deploy again", "nothing")...)
	}
	if all == nil {
		return fine("jobs are fetched, and may follow each other")
	}
	return all
}

// manyJobs are more than a queue has that is fetched from: Lambda begins with five at a time, and takes tens of
// milliseconds for most.
const manyJobs = 50

func checkJobs(f *facts) []Finding {
	if f.jobs.err != nil {
		return unknown("the job queue", f.jobs.err)
	}
	if n, _ := number(f.jobs.is, "ApproximateNumberOfMessages"); n > 0 {
		level := Raise // a few are on their way at any moment
		if n > manyJobs {
			level = Wrong
		}
		return one(level, fmt.Sprintf("%s due and waiting: pings are late if that lasts", many(n, "job is", "jobs are")), "ask again in a minute; if they are still there, look for throttles and errors of HeartbeatFunction", "")
	}
	delayed, _ := number(f.jobs.is, "ApproximateNumberOfMessagesDelayed")
	if delayed == 0 && f.open.err == nil && f.open.is.websocket+f.open.is.polling > 0 {
		return one(Raise, "clients are connected, and no heartbeat is waiting in the job queue", "ask again: SQS counts roughly. If it lasts, the next client that connects starts the heartbeat of its shard, and of another", "")
	}
	return fine("%s later, none is late", many(delayed, "job is for", "jobs are for"))
}

func checkDeadLetters(f *facts) []Finding {
	if f.dead.err != nil {
		return unknown("the dead-letter queue", f.dead.err)
	}
	if n, _ := number(f.dead.is, "ApproximateNumberOfMessages"); n > 0 {
		return one(Wrong, many(n, "job was", "jobs were")+" given up", "doze redrive says what they were, and why, and resends them", "a few requests of SQS")
	}
	return fine("there are none")
}

func checkTable(f *facts) (all []Finding) {
	switch k := f.expiry; {
	case k.err != nil:
		all = append(all, unknown("the table's time to live", k.err)...)
	case k.is != "ENABLED" && k.is != "ENABLING":
		all = append(all, one(Wrong, "the table does not delete what has expired: its time to live is "+k.is, "deploy again, which sets it", "nothing; without it, $0.25 a month for each GB that stays")...)
	}
	for _, c := range []struct {
		parameter, what string
		q               quota
	}{{"TableWrites", "write units", tableWrites}, {"TableReads", "read units", tableReads}} {
		k := f.quotas[c.q]
		if k.err != nil {
			all = append(all, unknown("how many "+c.what+" a table takes in the account", k.err)...)
			continue
		}
		if set, _ := number(f.parameters, c.parameter); set > k.is {
			all = append(all, one(Raise, fmt.Sprintf("%s is %.0f, and a table takes %.0f %s a second", c.parameter, set, k.is, c.what), fmt.Sprintf("lower it, or ask for more in Service Quotas (DynamoDB, %s)", c.q.code), free)...)
		}
	}
	if all == nil {
		return fine("it deletes what has expired, and its limits are within what the account has")
	}
	return all
}

func checkAlarms(f *facts) (all []Finding) {
	if f.parameters["AlarmTopicArn"] == "" {
		all = append(all, one(Raise, "alarms tell nobody: AlarmTopicArn is empty", "make an SNS topic with your address, and set the parameter to its ARN", "nothing for a thousand mails a month; the alarms cost the same either way")...)
	}
	if f.ringing.err != nil {
		return append(all, unknown("which alarms ring", f.ringing.err)...)
	}
	slices.Sort(f.ringing.is)
	for _, name := range f.ringing.is {
		all = append(all, one(Wrong, "the alarm "+name+" rings", "docs/operate.md says what to do about each alarm", "")...)
	}
	if all == nil {
		return fine("none rings, and AlarmTopicArn is told when one does")
	}
	return all
}

func checkOrigins(f *facts) []Finding {
	for origin := range strings.SplitSeq(f.parameters["AllowOrigins"], ",") {
		if strings.TrimSpace(origin) == "*" {
			return one(Wrong, "AllowOrigins is *: every site may act with its visitors' cookies", "name the origins of your pages", "nothing")
		}
	}
	return fine("AllowOrigins names origins, or none")
}

func many(n float64, single, plural string) string {
	if n == 1 {
		return "1 " + single
	}
	return commas(int(n)) + " " + plural
}

// commas writes a number as people do: 1,000.
func commas(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
