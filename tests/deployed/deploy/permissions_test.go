//go:build full

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// A permission is one action on one resource that one statement of a function's policy allows.
type permission struct{ statement, action, resource int }

// statement is one of a policy, as IAM keeps it.
type statement struct {
	Effect   string
	Action   list
	Resource list
}

// list is a string or several.
type list []string

func (l *list) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		*l = make(list, 1)
		return json.Unmarshal(b, &(*l)[0])
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// role is a function's, as it is deployed.
type role struct {
	root           caller
	function, name string
	statements     []statement
}

// functionNames are what the template's logical ids begin with.
var functionNames = []string{"Connect", "Poll", "Message", "Disconnect", "Heartbeat"}

// resources returns what a stack consists of, by logical id.
func resources(t *testing.T, c caller, stack string) map[string]string {
	t.Helper()
	var answer struct {
		Resources []struct {
			Logical  string `xml:"LogicalResourceId"`
			Physical string `xml:"PhysicalResourceId"`
		} `xml:"DescribeStackResourcesResult>StackResources>member"`
	}
	if err := c.query(t.Context(), "cloudformation", "2010-05-15", "DescribeStackResources", &answer, "StackName", stack); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, r := range answer.Resources {
		all[r.Logical] = r.Physical
	}
	return all
}

// readRole returns the policy of a function's role.
func readRole(t *testing.T, c caller, function, name string) role {
	t.Helper()
	var answer struct {
		Document string `xml:"GetRolePolicyResult>PolicyDocument"`
	}
	if err := c.query(t.Context(), "iam", "2010-05-08", "GetRolePolicy", &answer, "RoleName", name, "PolicyName", function); err != nil {
		t.Fatal(err)
	}
	text := answer.Document
	if !strings.HasPrefix(text, "{") {
		var err error
		if text, err = url.QueryUnescape(text); err != nil {
			t.Fatal(err)
		}
	}
	var policy struct{ Statement []statement }
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return role{c, function, name, policy.Statement}
}

// permissions returns all that the policy allows.
func (r role) permissions() (all []permission) {
	for i, s := range r.statements {
		for a := range s.Action {
			for e := range s.Resource {
				all = append(all, permission{i, a, e})
			}
		}
	}
	return all
}

func (r role) action(p permission) string   { return r.statements[p.statement].Action[p.action] }
func (r role) resource(p permission) string { return r.statements[p.statement].Resource[p.resource] }

// describe names what a permission is for.
func (r role) describe(p permission) string {
	what := r.resource(p)
	return r.function + " " + r.action(p) + " " + what[strings.LastIndexByte(what, ':')+1:]
}

// put gives the role its policy, without the permissions.
func (r role) put(ctx context.Context, without ...permission) error {
	var policy struct {
		Version   string
		Statement []statement
	}
	policy.Version = "2012-10-17"
	for i, s := range r.statements {
		for a, action := range s.Action {
			for e, resource := range s.Resource {
				if !slices.Contains(without, permission{i, a, e}) {
					policy.Statement = append(policy.Statement, statement{s.Effect, list{action}, list{resource}})
				}
			}
		}
	}
	document, err := json.Marshal(policy)
	if err != nil {
		return err
	}
	return r.root.query(ctx, "iam", "2010-05-08", "PutRolePolicy", nil, "RoleName", r.name, "PolicyName", r.function, "PolicyDocument", string(document))
}

// try does what a permission is for, in the role, and reports whether that was allowed. What else may be wrong with the
// request does not count: rights are looked at first.
func (r role) try(ctx context.Context, as caller, p permission) (allowed bool, err error) {
	service, operation, _ := strings.Cut(r.action(p), ":")
	resource := r.resource(p)
	name := resource[strings.LastIndexAny(resource, ":/")+1:]
	target, body := "", ""
	method, path := http.MethodPost, "/"
	switch service {
	case "dynamodb":
		target, body = "DynamoDB_20120810."+operation, fmt.Sprintf(requests[operation], name)
	case "sqs":
		target, body = "AmazonSQS."+operation, fmt.Sprintf(requests[operation], r.root.endpoint+"/000000000000/"+name)
	case "execute-api": // arn:aws:execute-api:REGION:ACCOUNT:API/live/METHOD/@connections/*
		parts := strings.Split(resource[strings.LastIndexByte(resource, ':')+1:], "/")
		method, path, body = parts[2], "/_aws/execute-api/"+parts[0]+"/live/@connections/nobody", "x"
	}
	if body == "" || strings.Contains(body, "%!") {
		return false, fmt.Errorf("the test does not know how to try %s", r.describe(p))
	}
	headers := []string{"Content-Type", "application/x-amz-json-1.0"}
	if target != "" {
		headers = append(headers, "X-Amz-Target", target)
	}
	status, answer, err := as.ask(ctx, service, method, path, []byte(body), headers...)
	return status != http.StatusForbidden && !strings.Contains(string(answer), "AccessDenied"), err
}

// requests are the smallest that a service looks at.
var requests = map[string]string{
	"GetItem":                 `{"TableName":%q,"Key":{"p":{"S":"permission"},"s":{"S":"x"}}}`,
	"PutItem":                 `{"TableName":%q,"Item":{"p":{"S":"permission"},"s":{"S":"x"}}}`,
	"UpdateItem":              `{"TableName":%q,"Key":{"p":{"S":"permission"},"s":{"S":"x"}}}`,
	"DeleteItem":              `{"TableName":%q,"Key":{"p":{"S":"permission"},"s":{"S":"x"}}}`,
	"Query":                   `{"TableName":%q,"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"permission"}}}`,
	"SendMessage":             `{"QueueUrl":%q,"MessageBody":"permission"}`,
	"ReceiveMessage":          `{"QueueUrl":%q,"VisibilityTimeout":0}`,
	"DeleteMessage":           `{"QueueUrl":%q,"ReceiptHandle":"nothing"}`,
	"ChangeMessageVisibility": `{"QueueUrl":%q,"ReceiptHandle":"nothing","VisibilityTimeout":0}`,
	"GetQueueAttributes":      `{"QueueUrl":%q,"AttributeNames":["All"]}`,
}

// testPermissions shows that each function may do all that it has to, and that each of its permissions is needed for
// that: in its role, whoever lacks a permission is refused what it is for, and is not with it.
//
// Lambda itself writes logs and takes jobs from the queue, in the function's role: MiniStack does not look at that role
// then, and matches log groups without the ":*" at the end of their ARNs, as AWS does not. So the rights to logs are
// not tried here.
func testPermissions(t *testing.T, endpoint, address string) {
	c := root(endpoint)
	all := resources(t, c, "doze")
	roles := map[string]role{}
	for _, function := range functionNames {
		r := readRole(t, c, function, all[function+"Role"])
		roles[function] = r
		t.Run(function, func(t *testing.T) { testRole(t, r) })
	}
	t.Run("clients", func(t *testing.T) { testNeeds(t, roles, all, address) })
}

func testRole(t *testing.T, r role) {
	as, err := r.root.assume(t.Context(), r.name)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.permissions() {
		if strings.HasPrefix(r.action(p), "logs:") {
			continue
		}
		if allowed, err := r.try(t.Context(), as, p); !allowed || err != nil {
			t.Errorf("%s: not allowed, though the policy grants it: %v", r.describe(p), err)
		}
		if err := r.put(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if allowed, err := r.try(t.Context(), as, p); allowed || err != nil {
			t.Errorf("%s: allowed without it: %v", r.describe(p), err)
		}
		if err := r.put(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
