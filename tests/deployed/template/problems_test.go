//go:build full

package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dozeio/doze/tests/kit/processes"
)

// Template is what is looked at of one that is translated.
type Template struct {
	Parameters map[string]parameter
	Resources  map[string]resource
}

type parameter struct {
	Default        json.RawMessage
	AllowedPattern string
}

// seconds returns the least and the greatest number that a parameter may be.
func (p parameter) seconds() (least, most int) {
	allowed, err := regexp.Compile(p.AllowedPattern)
	if err != nil {
		return 0, 0
	}
	least = -1
	for n := range 10_000 {
		if allowed.MatchString(strconv.Itoa(n)) {
			if least < 0 {
				least = n
			}
			most = n
		}
	}
	return least, most
}

type resource struct {
	Type       string
	Properties properties
}

type properties map[string]json.RawMessage

// text returns a property: a string as it is, a reference as the name that it refers to, Fn::Sub as its text.
func (p properties) text(name string) string { return text(p[name]) }

// ref returns the resource that a property names, be it as Ref, as its Arn, or within a text.
var inText = regexp.MustCompile(`\$\{(\w+)(\.Arn)?\}`)

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var f struct {
		Ref    string
		GetAtt []string        `json:"Fn::GetAtt"`
		Sub    json.RawMessage `json:"Fn::Sub"`
	}
	if json.Unmarshal(raw, &f) != nil {
		return string(raw)
	}
	switch {
	case f.Ref != "":
		return f.Ref
	case len(f.GetAtt) == 2:
		return f.GetAtt[0]
	case f.Sub != nil:
		return text(f.Sub)
	}
	return string(raw)
}

// arn leaves out of an ARN what is the same for all of this account.
func arn(s string) string {
	s = strings.TrimPrefix(s, "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:")
	return inText.ReplaceAllString(s, "$1")
}

// list returns a value that is a string or several.
func listOf(raw json.RawMessage) []json.RawMessage {
	var many []json.RawMessage
	if json.Unmarshal(raw, &many) == nil {
		return many
	}
	return []json.RawMessage{raw}
}

func (t Template) of(kind string) (names []string) {
	for name, r := range t.Resources {
		if r.Type == kind {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Problems returns what of the template does not fit the code, a sentence each.
func (t Template) Problems(c code) (all []string) {
	functions := t.of("AWS::Lambda::Function")
	if want := slices.Sorted(maps.Keys(c.functions)); !slices.Equal(functions, want) {
		return []string{fmt.Sprintf("there are the functions %q, want %q", functions, want)}
	}
	for _, f := range functions {
		all = append(all, t.variables(f, c)...)
		all = append(all, t.rights(f, c)...)
	}
	all = append(all, compare("EmitterPolicy", allowed([]json.RawMessage{t.Resources["EmitterPolicy"].Properties["PolicyDocument"]}), setOf(c.emitter))...)
	all = append(all, t.queuePolicies()...)
	all = append(all, t.routes()...)
	all = append(all, t.loops()...)
	all = append(all, t.reservations()...)
	return append(all, t.queues()...)
}

// variables compares what a function is told with what is read.
func (t Template) variables(function string, c code) (all []string) {
	var environment struct{ Variables map[string]json.RawMessage }
	_ = json.Unmarshal(t.Resources[function].Properties["Environment"], &environment)
	for _, setting := range processes.GoSettings {
		name, value, _ := strings.Cut(setting, "=")
		if got := string(environment.Variables[name]); name != "GOMAXPROCS" && got != strconv.Quote(value) {
			all = append(all, fmt.Sprintf("%s has %s %s, want %q, as is measured", function, name, got, value))
		}
	}
	if one := string(environment.Variables["GOMAXPROCS"]) == `"1"`; one != (number(t.Resources[function].Properties["MemorySize"]) < 1769) {
		all = append(all, function+" has a whole processor and is to use one thread, or has a share of one and is to use two")
	}
	for name := range environment.Variables {
		if name != "GOMAXPROCS" && name != "GODEBUG" && !slices.Contains(c.variables, name) {
			all = append(all, function+" has "+name+", which nobody reads")
		}
	}
	for _, name := range c.variables {
		if _, ok := environment.Variables[name]; !ok {
			all = append(all, function+" lacks "+name)
		}
	}
	return all
}

// granted returns what a function may do: "action on resource".
func (t Template) granted(function string) map[string]bool {
	var policies []struct{ PolicyDocument json.RawMessage }
	_ = json.Unmarshal(t.Resources[t.Resources[function].Properties.text("Role")].Properties["Policies"], &policies)
	var documents []json.RawMessage
	for _, policy := range policies {
		documents = append(documents, policy.PolicyDocument)
	}
	return allowed(documents)
}

// allowed returns what policy documents allow: "action on resource".
func allowed(documents []json.RawMessage) map[string]bool {
	granted := map[string]bool{}
	for _, document := range documents {
		var policy struct{ Statement []json.RawMessage }
		_ = json.Unmarshal(document, &policy)
		for _, raw := range policy.Statement {
			var choice struct {
				If []json.RawMessage `json:"Fn::If"`
			}
			if json.Unmarshal(raw, &choice) == nil && len(choice.If) == 3 {
				raw = choice.If[1]
			}
			var s struct {
				Effect           string
				Action, Resource json.RawMessage
			}
			if json.Unmarshal(raw, &s) != nil || s.Effect != "Allow" {
				continue
			}
			for _, action := range listOf(s.Action) {
				for _, resource := range listOf(s.Resource) {
					granted[text(action)+" on "+arn(text(resource))] = true
				}
			}
		}
	}
	return granted
}

// setOf returns what a list has, each once.
func setOf(list []string) map[string]bool {
	set := map[string]bool{}
	for _, one := range list {
		set[one] = true
	}
	return set
}

// compare returns what somebody may do and does not, and the other way round.
func compare(who string, granted, wanted map[string]bool) (all []string) {
	for _, call := range slices.Sorted(maps.Keys(granted)) {
		if !wanted[call] {
			all = append(all, who+" may "+call+", and never does")
		}
	}
	for _, call := range slices.Sorted(maps.Keys(wanted)) {
		if !granted[call] {
			all = append(all, who+" calls "+call+", which it may not")
		}
	}
	return all
}

// rights compares what a function may do with what it does.
func (t Template) rights(function string, c code) (all []string) {
	role := t.Resources[function].Properties.text("Role")
	if t.Resources[role].Properties["ManagedPolicyArns"] != nil {
		all = append(all, role+" has managed policies, which nobody compares with anything")
	}
	wanted := setOf(c.functions[function])
	// Lambda itself writes the log and takes from the queue, in the function's role.
	var logging struct{ LogGroup json.RawMessage }
	_ = json.Unmarshal(t.Resources[function].Properties["LoggingConfig"], &logging)
	for _, action := range []string{"logs:CreateLogStream", "logs:PutLogEvents"} {
		wanted[action+" on "+text(logging.LogGroup)] = true
	}
	for _, m := range t.of("AWS::Lambda::EventSourceMapping") {
		if source := t.Resources[m].Properties; source.text("FunctionName") == function {
			for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"} {
				wanted[action+" on "+source.text("EventSourceArn")] = true
			}
		}
	}
	return append(all, compare(function, t.granted(function), wanted)...)
}

// queuePolicies sees to it that EventBridge may send to the job queue by the template's rule, and nobody do anything
// else.
func (t Template) queuePolicies() (all []string) {
	for _, name := range t.of("AWS::SQS::QueuePolicy") {
		var policy struct{ Statement []map[string]any }
		_ = json.Unmarshal(t.Resources[name].Properties["PolicyDocument"], &policy)
		for _, s := range policy.Statement {
			var want, got any
			_ = json.Unmarshal([]byte(`{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
				"Resource": {"Fn::GetAtt": ["JobQueue", "Arn"]}, "Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["EventRule", "Arn"]}}}}`), &want)
			if got = s; !reflect.DeepEqual(got, want) {
				all = append(all, fmt.Sprintf("%s lets %v, which is more or less than the rule needs", name, s))
			}
		}
	}
	return all
}

// answers are the functions that routes go to, by API and route: functions/*/main.go say the same in words.
var answers = map[string]string{
	"$connect of WebSocketApi":     "ConnectFunction",
	"$default of WebSocketApi":     "MessageFunction",
	"$disconnect of WebSocketApi":  "DisconnectFunction",
	"GET / of HttpApi":             "PollFunction",
	"GET /{proxy+} of HttpApi":     "PollFunction",
	"HEAD / of HttpApi":            "PollFunction",
	"HEAD /{proxy+} of HttpApi":    "PollFunction",
	"OPTIONS /{proxy+} of HttpApi": "PollFunction",
	"$default of HttpApi":          "MessageFunction",
}

// routes compares routes, their integrations and the permissions to invoke.
func (t Template) routes() (all []string) {
	goes := map[string]string{}
	invoked := map[string]bool{} // "function by ARN"
	for _, r := range t.of("AWS::ApiGatewayV2::Route") {
		p := t.Resources[r].Properties
		api, key := p.text("ApiId"), p.text("RouteKey")
		integration := t.Resources[arn(strings.TrimPrefix(p.text("Target"), "integrations/"))].Properties
		if integration.text("ApiId") != api {
			all = append(all, r+" goes to an integration of another API")
		}
		uri := integration.text("IntegrationUri")
		if _, after, ok := strings.Cut(uri, "/functions/"); ok {
			uri = arn(strings.TrimSuffix(after, "/invocations"))
		}
		goes[key+" of "+api] = uri
		by := api + "/*"
		if strings.HasPrefix(api, "WebSocket") {
			by = api + "/live/" + key
		}
		invoked[uri+" by "+by] = true
	}
	for route, want := range answers {
		if got := goes[route]; got != want {
			if got == "" {
				got = "nothing"
			}
			all = append(all, route+" goes to "+got+", want "+want)
		}
	}
	for route, function := range goes {
		if answers[route] == "" {
			all = append(all, route+" goes to "+function+", which does not expect it")
		}
	}
	permitted := map[string]bool{}
	for _, name := range t.of("AWS::Lambda::Permission") {
		p := t.Resources[name].Properties
		call := p.text("FunctionName") + " by " + arn(p.text("SourceArn"))
		if p.text("Principal") != "apigateway.amazonaws.com" || p.text("Action") != "lambda:InvokeFunction" || !invoked[call] {
			all = append(all, fmt.Sprintf("%s lets %s of %s %s %s, for which there is no route", name, arn(p.text("SourceArn")), p.text("Principal"), p.text("Action"), p.text("FunctionName")))
		}
		permitted[call] = true
	}
	for call := range invoked {
		if function, by, _ := strings.Cut(call, " by "); !permitted[call] {
			api, _, _ := strings.Cut(by, "/")
			all = append(all, api+" may not invoke "+function+" by "+by)
		}
	}
	return all
}
