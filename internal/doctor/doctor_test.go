package doctor_test

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dozeio/doze/internal/doctor"
	"github.com/dozeio/doze/tests/kit/fakeaws"
)

// described is what CloudFormation says of a stack.
func described(status string, parameters map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<Stacks><member><StackName>chat</StackName><StackStatus>%s</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime><Parameters>", status)
	for name, value := range parameters {
		fmt.Fprintf(&b, "<member><ParameterKey>%s</ParameterKey><ParameterValue>%s</ParameterValue></member>", name, value)
	}
	return b.String() + "</Parameters></member></Stacks>"
}

// parameters are those of a stack that is set well; the pairs change some.
func parameters(pairs ...string) map[string]string {
	p := map[string]string{"MessageRate": "2000", "MessageBurst": "1000", "AccountConcurrency": "1000", "TableWrites": "0", "TableReads": "0", "AlarmTopicArn": "arn:aws:sns:us-east-1:1:night", "AllowOrigins": "https://a.example", "Verify": "no"}
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i]] = pairs[i+1]
	}
	return p
}

var resources = []string{"Table", "JobQueue", "DeadLetterQueue", "ConnectFunction", "PollFunction", "MessageFunction", "DisconnectFunction", "HeartbeatFunction", "ThrottlesAlarm", "LateJobsAlarm"}

func listed(names []string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "<member><LogicalResourceId>%s</LogicalResourceId><PhysicalResourceId>chat-%s</PhysicalResourceId><ResourceType>x</ResourceType><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>", name, name)
	}
	return "<StackResourceSummaries>" + b.String() + "</StackResourceSummaries>"
}

func function(pairs ...any) map[string]any {
	f := map[string]any{"State": "Active", "LastUpdateStatus": "Successful", "Timeout": 15, "Environment": map[string]any{"Variables": map[string]string{"DOZE_TABLE": "chat-Table"}}}
	for i := 0; i < len(pairs); i += 2 {
		f[pairs[i].(string)] = pairs[i+1]
	}
	return f
}

func quota(value float64) any { return map[string]any{"Quota": map[string]any{"Value": value}} }

func queue(visible, delayed string) any {
	return map[string]any{"Attributes": map[string]string{"ApproximateNumberOfMessages": visible, "ApproximateNumberOfMessagesDelayed": delayed, "VisibilityTimeout": "20"}}
}

func account(concurrency int) any {
	return map[string]any{"AccountLimit": map[string]any{"ConcurrentExecutions": concurrency, "UnreservedConcurrentExecutions": concurrency}}
}

func peak(value float64) any {
	return map[string]any{"MetricDataResults": []any{map[string]any{"Id": "peak", "Values": []any{1.0, value, 2.0}}}}
}

// lives are clients, in the table's rows of one shard.
func lives(websocket, polling int) any {
	return func(request map[string]any) any {
		items := []any{}
		if values := request["ExpressionAttributeValues"].(map[string]any); values[":p"].(map[string]any)["S"] == "L0" {
			row := func(address string) any {
				return map[string]any{"p": map[string]any{"S": "L0"}, "s": map[string]any{"S": address}, "x": map[string]any{"N": "9999999999999"}, "l": map[string]any{"N": "1"}, "c": map[string]any{"N": "1"}}
			}
			for i := range websocket {
				items = append(items, row(fmt.Sprint("w", i)))
			}
			for i := range polling {
				items = append(items, row(fmt.Sprint("p", i)))
			}
		}
		return map[string]any{"Items": items, "Count": len(items)}
	}
}

const (
	settings  = "GET /2016-08-19/account-settings"
	recursion = "GET /2024-08-31/functions/chat-HeartbeatFunction/recursion-config"
	mappings  = "GET /2015-03-31/event-source-mappings"
)

var reserved = concurrency("PollFunction")

func concurrency(name string) string {
	return "GET /2019-09-30/functions/chat-" + name + "/concurrency"
}

func configuration(name string) string {
	return "GET /2015-03-31/functions/chat-" + name + "/configuration"
}

// healthy are the answers about a stack with which nothing is wrong.
func healthy() map[string]any {
	return map[string]any{
		"DescribeStacks": described("UPDATE_COMPLETE", parameters()), "ListStackResources": listed(resources),
		settings: account(1000), reserved: map[string]any{"ReservedConcurrentExecutions": 300},
		recursion: map[string]any{"RecursiveLoop": "Allow"}, mappings: map[string]any{"EventSourceMappings": []any{map[string]any{"State": "Enabled"}}},
		configuration("ConnectFunction"): function(), configuration("PollFunction"): function(), configuration("MessageFunction"): function(),
		configuration("DisconnectFunction"): function(), configuration("HeartbeatFunction"): function(),
		concurrency("ConnectFunction"): map[string]any{}, concurrency("MessageFunction"): map[string]any{},
		concurrency("DisconnectFunction"): map[string]any{}, concurrency("HeartbeatFunction"): map[string]any{"ReservedConcurrentExecutions": 50},
		"GetServiceQuota L-8A5B8E43": quota(10000), "GetServiceQuota L-CDF5615A": quota(5000), "GetServiceQuota L-9ED1E49A": quota(500),
		"GetServiceQuota L-CF0CBE56": quota(40000), "GetServiceQuota L-AB614373": quota(40000),
		"GetQueueAttributes chat-JobQueue": queue("0", "16"), "GetQueueAttributes chat-DeadLetterQueue": queue("0", "0"),
		"DescribeTimeToLive": map[string]any{"TimeToLiveDescription": map[string]any{"TimeToLiveStatus": "ENABLED"}},
		"Query":              lives(20, 3),
		"GetMetricData":      peak(200), "DescribeAlarms": map[string]any{"MetricAlarms": []any{}},
	}
}

// throttled is what is said of a function that Lambda does not run.
var throttled = map[string]any{"ReservedConcurrentExecutions": 0}

func examine(t *testing.T, answers map[string]any) []doctor.Finding {
	t.Helper()
	server := httptest.NewServer(fakeaws.New(answers))
	defer server.Close()
	cfg := aws.Config{Region: "us-east-1", Credentials: aws.AnonymousCredentials{}, BaseEndpoint: &server.URL, RetryMaxAttempts: 1}
	all, err := doctor.Examine(t.Context(), cfg, "chat")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestNothingIsWrong(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range examine(t, healthy()) {
		if f.Level != doctor.Fine || f.Says == "" || f.Do != "" {
			t.Errorf("%+v", f)
		}
		seen[f.Check] = true
	}
	if len(seen) != 12 {
		t.Errorf("%d checks: %v", len(seen), slices.Sorted(maps.Keys(seen)))
	}
}

// TestWhatEachCheckFinds changes one thing at a time, and wants the check to say so, and no other check to say anything
// besides.
func TestWhatEachCheckFinds(t *testing.T) {
	type answers = map[string]any
	stack := func(pairs ...string) answers {
		return answers{"DescribeStacks": described("UPDATE_COMPLETE", parameters(pairs...))}
	}
	for _, c := range []struct {
		check      string
		level      doctor.Level
		says, does string
		with       answers
	}{
		{"stack", doctor.Wrong, "ROLLBACK_COMPLETE", "deploy again", answers{"DescribeStacks": described("ROLLBACK_COMPLETE", parameters())}},
		{"stack", doctor.Wrong, "DELETE_FAILED", "deploy again", answers{"DescribeStacks": described("DELETE_FAILED", parameters())}},
		{"stack", doctor.Raise, "last update has failed", "deploy again", answers{"DescribeStacks": described("UPDATE_ROLLBACK_COMPLETE", parameters())}},
		{"stack", doctor.Raise, "being changed", "wait", answers{"DescribeStacks": described("UPDATE_IN_PROGRESS", parameters())}},
		{"stack", doctor.Raise, "being changed", "wait", answers{"DescribeStacks": described("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", parameters())}},
		{"stack", doctor.Raise, "being changed", "wait", answers{"DescribeStacks": described("ROLLBACK_IN_PROGRESS", parameters())}},
		{"stack", doctor.Wrong, "UPDATE_ROLLBACK_FAILED", "deploy again", answers{"DescribeStacks": described("UPDATE_ROLLBACK_FAILED", parameters())}},
		{"stack", doctor.Raise, "Verify is yes", "back to no", stack("Verify", "yes")},
		{"functions", doctor.Wrong, "PollFunction is in the state Failed", "deploy", answers{configuration("PollFunction"): function("State", "Failed")}},
		{"functions", doctor.Wrong, "last update of MessageFunction", "deploy", answers{configuration("MessageFunction"): function("LastUpdateStatus", "Failed")}},
		{"functions", doctor.Wrong, "different DOZE_TABLE", "deploy", answers{configuration("MessageFunction"): function("Environment", map[string]any{})}},
		{"functions", doctor.Unknown, "the settings of ConnectFunction could not be read: AccessDenied", "right", answers{configuration("ConnectFunction"): fakeaws.Error("AccessDenied")}},
		{"functions", doctor.Wrong, "ConnectFunction does not run: its reserved concurrency is 0", "unreserved", answers{concurrency("ConnectFunction"): throttled}},
		{"functions", doctor.Wrong, "PollFunction does not run", "PollConcurrency", answers{reserved: throttled}},
		{"functions", doctor.Wrong, "MessageFunction does not run", "unreserved", answers{concurrency("MessageFunction"): throttled}},
		{"functions", doctor.Wrong, "DisconnectFunction does not run", "unreserved", answers{concurrency("DisconnectFunction"): throttled}},
		{"functions", doctor.Wrong, "HeartbeatFunction does not run", "unreserved", answers{concurrency("HeartbeatFunction"): throttled}},
		{"functions", doctor.Unknown, "the reserved concurrency of MessageFunction", "right", answers{concurrency("MessageFunction"): fakeaws.Error("AccessDenied")}},
		{"heartbeat", doctor.Wrong, "RecursiveLoop Terminate", "deploy", answers{recursion: map[string]any{"RecursiveLoop": "Terminate"}}},
		{"heartbeat", doctor.Wrong, "nothing invokes", "deploy", answers{mappings: map[string]any{"EventSourceMappings": []any{}}}},
		{"heartbeat", doctor.Wrong, "is Disabled", "enable", answers{mappings: map[string]any{"EventSourceMappings": []any{map[string]any{"State": "Disabled"}}}}},
		{"heartbeat", doctor.Wrong, "hides a message for 20 s, and its function may take 27 s", "deploy", answers{configuration("HeartbeatFunction"): function("Timeout", 27)}},
		{"heartbeat", doctor.Unknown, "RecursiveLoop", "right", answers{recursion: fakeaws.Error("AccessDenied")}},
		{"heartbeat", doctor.Unknown, "what invokes", "right", answers{mappings: fakeaws.Error("AccessDenied")}},
		{"jobs", doctor.Wrong, "51 jobs are due and waiting", "in a minute", answers{"GetQueueAttributes chat-JobQueue": queue("51", "16")}},
		{"jobs", doctor.Raise, "7 jobs are due and waiting", "in a minute", answers{"GetQueueAttributes chat-JobQueue": queue("7", "16")}},
		{"jobs", doctor.Raise, "no heartbeat is waiting", "ask again", answers{"GetQueueAttributes chat-JobQueue": queue("0", "0")}},
		{"jobs", doctor.Unknown, "the job queue", "right", answers{"GetQueueAttributes chat-JobQueue": fakeaws.Error("AccessDenied")}},
		{"dead letters", doctor.Wrong, "1 job was given up", "doze redrive", answers{"GetQueueAttributes chat-DeadLetterQueue": queue("1", "0")}},
		{"dead letters", doctor.Unknown, "the dead-letter queue", "right", answers{"GetQueueAttributes chat-DeadLetterQueue": fakeaws.Error("AccessDenied")}},
		{"concurrency", doctor.Wrong, "has 10 invocations at once, as new ones do", "ask for 1,000", answers{"DescribeStacks": described("UPDATE_COMPLETE", parameters("AccountConcurrency", "10")), settings: account(10), reserved: map[string]any{"ReservedConcurrentExecutions": 4}, "GetMetricData": peak(2)}},
		{"concurrency", doctor.Raise, "501 were needed", "ask for 2,000", answers{"GetMetricData": peak(501)}},
		{"concurrency", doctor.Raise, "fewer than the 1,000", "ask for 1,000", answers{"DescribeStacks": described("UPDATE_COMPLETE", parameters("AccountConcurrency", "900")), settings: account(900)}},
		{"concurrency", doctor.Raise, "AccountConcurrency is 1000, and the account has 3000: the Concurrency alarm rings too early", "to 3000", answers{settings: account(3000), reserved: map[string]any{"ReservedConcurrentExecutions": 1000}}},
		{"concurrency", doctor.Raise, "AccountConcurrency is 2000, and the account has 1000: the Concurrency alarm rings too late", "to 1000", stack("AccountConcurrency", "2000")},
		{"concurrency", doctor.Unknown, "no parameter AccountConcurrency", "deploy", stack("AccountConcurrency", "")},
		{"concurrency", doctor.Raise, "400 clients poll", "look why", answers{"Query": lives(0, 400), reserved: map[string]any{"ReservedConcurrentExecutions": 500}}},
		{"concurrency", doctor.Unknown, "in the last week", "right", answers{"GetMetricData": fakeaws.Error("AccessDenied")}},
		{"polls", doctor.Raise, "hold all of the account's invocations", "PollConcurrency to 333", answers{reserved: map[string]any{}}},
		{"polls", doctor.Raise, "250 clients poll, for whom PollConcurrency has 300", "to 600", answers{"Query": lives(0, 250)}},
		{"polls", doctor.Raise, "takes 501 of the account's 1000", "to 333", answers{reserved: map[string]any{"ReservedConcurrentExecutions": 501}}},
		{"polls", doctor.Unknown, "reserved concurrency", "right", answers{reserved: fakeaws.Error("AccessDenied")}},
		{"new connections", doctor.Raise, "it takes 90 s", "ask for 100 in", answers{"GetServiceQuota L-9ED1E49A": quota(2), "Query": lives(180, 0)}},
		{"new connections", doctor.Unknown, "new connections a second", "right", answers{"GetServiceQuota L-9ED1E49A": fakeaws.Error("AccessDenied")}},
		{"messages", doctor.Raise, "MessageRate is 20000, and the account has 10000", "L-8A5B8E43", stack("MessageRate", "20000")},
		{"messages", doctor.Raise, "MessageBurst is 6000, and the account has 5000", "lower it, or ask for a higher rate in Service Quotas (API Gateway, L-8A5B8E43)", stack("MessageBurst", "6000")},
		{"messages", doctor.Raise, "an emit to all 20 clients takes 20 s", "ask for a higher rate in Service Quotas (API Gateway, L-8A5B8E43)", stack("MessageRate", "1")},
		{"messages", doctor.Unknown, "messages a second", "right", answers{"GetServiceQuota L-8A5B8E43": fakeaws.Error("AccessDenied")}},
		{"messages", doctor.Unknown, "no parameter MessageBurst", "deploy", stack("MessageBurst", "")},
		{"table", doctor.Wrong, "its time to live is DISABLED", "deploy", answers{"DescribeTimeToLive": map[string]any{"TimeToLiveDescription": map[string]any{"TimeToLiveStatus": "DISABLED"}}}},
		{"table", doctor.Raise, "TableWrites is 50000, and a table takes 40000", "L-AB614373", stack("TableWrites", "50000")},
		{"table", doctor.Raise, "TableReads is 50000, and a table takes 40000", "L-CF0CBE56", stack("TableReads", "50000")},
		{"table", doctor.Unknown, "time to live", "right", answers{"DescribeTimeToLive": fakeaws.Error("AccessDenied")}},
		{"table", doctor.Unknown, "write units", "right", answers{"GetServiceQuota L-AB614373": fakeaws.Error("AccessDenied")}},
		{"alarms", doctor.Raise, "tell nobody", "SNS topic", stack("AlarmTopicArn", "")},
		{"alarms", doctor.Wrong, "the alarm LateJobs rings", "docs/", answers{"DescribeAlarms": map[string]any{"MetricAlarms": []any{map[string]any{"AlarmName": "chat-LateJobsAlarm"}}}}},
		{"concurrency", doctor.Unknown, "how many were needed in the last week could not be read: CloudWatch says InternalError", "right", answers{
			"GetMetricData": map[string]any{"MetricDataResults": []any{map[string]any{"Id": "peak", "Values": []any{}, "StatusCode": "InternalError"}}}}},
		{"alarms", doctor.Unknown, "which alarms ring", "right", answers{"DescribeAlarms": fakeaws.Error("AccessDenied")}},
		{"who may connect", doctor.Wrong, "every site", "name the origins", stack("AllowOrigins", "https://a.example, *")},
	} {
		t.Run(c.check+" "+c.says, func(t *testing.T) {
			with := healthy()
			maps.Copy(with, c.with)
			var found []string
			for _, f := range examine(t, with) {
				if f.Level == doctor.Fine {
					continue
				}
				found = append(found, fmt.Sprintf("%+v", f))
				if f.Check == c.check && f.Level == c.level && strings.Contains(f.Says, c.says) && strings.Contains(f.Do, c.does) {
					found = found[:len(found)-1]
					c.check = "found " + c.check
				}
			}
			if !strings.HasPrefix(c.check, "found ") || len(found) > 0 {
				t.Errorf("besides, or instead: %s", strings.Join(found, "\n"))
			}
		})
	}
}

// TestMoreThanOneCheckSuffers has what several checks look at missing.
func TestMoreThanOneCheckSuffers(t *testing.T) {
	for action, checks := range map[string][]string{
		settings:                       {"concurrency", "polls"},
		"Query":                        {"new connections"},
		"GetServiceQuota L-9ED1E49A":   {"new connections"},
		"GetServiceQuota L-CDF5615A":   {"messages"},
		configuration("PollFunction"):  {"functions"},
		concurrency("PollFunction"):    {"polls"},
		concurrency("ConnectFunction"): {"functions"},
		"ListStackResources-but-Table": {"table", "new connections"},
	} {
		with := healthy()
		with[action] = fakeaws.Error("AccessDenied")
		if action == "ListStackResources-but-Table" {
			with["ListStackResources"] = listed(resources[1:])
		}
		unknown := map[string]bool{}
		for _, f := range examine(t, with) {
			switch f.Level {
			case doctor.Unknown:
				unknown[f.Check] = true
			case doctor.Wrong, doctor.Raise:
				t.Errorf("without %s: %+v", action, f)
			}
		}
		if got := slices.Sorted(maps.Keys(unknown)); !slices.Equal(got, slices.Sorted(slices.Values(checks))) {
			t.Errorf("without %s: %v is unknown, want %v", action, got, checks)
		}
	}
}

// TestAQuotaThatNobodyRaisedIsAWSsOwn has Service Quotas know no value of the account's.
func TestAQuotaThatNobodyRaisedIsAWSsOwn(t *testing.T) {
	with := healthy()
	with["GetServiceQuota L-8A5B8E43"] = fakeaws.Error("NoSuchResourceException")
	with["GetAWSDefaultServiceQuota"] = quota(1500)
	for _, f := range examine(t, with) {
		if f.Check == "messages" && !strings.Contains(f.Says, "the account has 1500") {
			t.Errorf("%+v", f)
		}
	}
}

// TestAnImportThatWasRolledBackIsSound has a stack to which somebody wanted to add what was there.
func TestAnImportThatWasRolledBackIsSound(t *testing.T) {
	with := healthy()
	with["DescribeStacks"] = described("IMPORT_ROLLBACK_COMPLETE", parameters())
	for _, f := range examine(t, with) {
		if f.Level != doctor.Fine {
			t.Errorf("%+v", f)
		}
	}
}

func TestWhatMattersMostComesFirst(t *testing.T) {
	with := healthy()
	with["DescribeStacks"] = described("UPDATE_COMPLETE", parameters("AlarmTopicArn", "", "AllowOrigins", "*"))
	with[recursion] = fakeaws.Error("AccessDenied")
	var got []doctor.Level
	for _, f := range examine(t, with) {
		got = append(got, f.Level)
	}
	if want := []doctor.Level{doctor.Wrong, doctor.Raise, doctor.Unknown, doctor.Fine}; !slices.Equal(slices.Compact(got), want) {
		t.Errorf("%v", got)
	}
}

func TestAStackThatIsNotThere(t *testing.T) {
	server := httptest.NewServer(fakeaws.New(map[string]any{"DescribeStacks": fakeaws.Error("ValidationError")}))
	defer server.Close()
	cfg := aws.Config{Region: "us-east-1", Credentials: aws.AnonymousCredentials{}, BaseEndpoint: &server.URL, RetryMaxAttempts: 1}
	if _, err := doctor.Examine(t.Context(), cfg, "chat"); err == nil || !strings.Contains(err.Error(), "set -stack") {
		t.Error(err)
	}
}
