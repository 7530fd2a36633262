package awsfault

import (
	"errors"
	"fmt"
	"strings"
)

// Stack returns an error that says why a stack could not be read, in a region, for somebody at a command line, and what
// to set. The cause is the SDK's, nil where CloudFormation has answered without the stack.
func Stack(name, region string, cause error) error {
	if cause == nil {
		return missingStack(name, region)
	}
	f := Of(cause)
	text := ""
	switch f.Kind {
	case NoCredentials:
		text = "there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (a stand-in for AWS takes any), or sign in, as with aws sso login"
		if strings.Contains(f.Message, "IMDS") { // nothing was found, and this is no machine of AWS's
			return fmt.Errorf("the stack %s could not be read: %s", name, text)
		}
	case NoRegion:
		return fmt.Errorf("the stack %s could not be read: %w", name, ErrNoRegion)
	case Stranger:
		text = "AWS does not know the credentials, or they have expired: sign in again, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and the rest"
	case Denied:
		text = "the credentials have no right to that: see AWS_PROFILE, and docs/operate.md for the rights of each command; where a command has -table, -connections and -queue, they say as much as the stack"
	case NoAnswer, Unreachable:
		text = fmt.Sprintf("no answer of AWS in the region %s: set -endpoint, AWS_ENDPOINT_URL and the region right", region)
	case Foreign:
		text = "what answers is not AWS: set -endpoint, or AWS_ENDPOINT_URL, right"
	case Refused:
		if strings.Contains(f.Message, "does not exist") {
			return missingStack(name, region)
		}
		text = "CloudFormation refuses to: set -stack, -endpoint and the region right"
	default:
		text = "CloudFormation does not answer as it should: try again"
	}
	if f.Kind == Unreachable || f.Kind == NoAnswer || f.Kind == NoCredentials {
		return fmt.Errorf("the stack %s could not be read: %s (%s)", name, text, lastOf(f.Message))
	}
	return fmt.Errorf("the stack %s could not be read: %s (%w)", name, text, Cause(cause))
}

// ErrNoRegion says that nobody has said in which region AWS is to be asked.
var ErrNoRegion = errors.New("there is no region: set AWS_REGION, such as AWS_REGION=eu-west-1, or one in the profile (a stand-in for AWS takes any)")

func missingStack(name, region string) error {
	return fmt.Errorf("there is no stack %s in the region %s of this account: set -stack, AWS_REGION and AWS_PROFILE right; aws cloudformation list-stacks has those that there are", name, region)
}

// Metric returns why a result of CloudWatch's GetMetricData has not all values, by its StatusCode; nil where it has what
// there is. CloudWatch answers as if all was well when it could not read one metric of several.
func Metric(status string) error {
	if status == "Forbidden" || status == "InternalError" {
		return errors.New("CloudWatch says " + status)
	}
	return nil
}
