package emf_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The rules of CloudWatch's specification, with the numbers of its text and its JSON schema, as of 2026-11:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html,
// and those of a dimension's value:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html. The schema of old takes 9 keys in
// a dimension set, the one of now 30: fewer than both is right by both.
const (
	maxLine       = 256 << 10
	maxMetrics    = 100
	maxTargets    = 100
	maxDimensions = 9
	maxName       = 255
)

var units = regexp.MustCompile(`^(((Kilo|Mega|Giga|Tera)?(bits|bytes)|Bits|Bytes)(/Second)?|Count(/Second)?|Seconds|Microseconds|Milliseconds|Percent|None)$`)

// metric is one metric of a line as CloudWatch would make it.
type metric struct {
	name, dimensions string // dimensions with their values, such as "Stack=doze Outcome=ok"
	unit             string
	values           []float64
}

// read returns the metrics of a line, or why CloudWatch would not take it.
func read(line []byte) (all []metric, err error) {
	if len(line) > maxLine {
		return nil, errors.New("the line is too long")
	}
	var root map[string]json.RawMessage
	if err := json.Unmarshal(line, &root); err != nil {
		return nil, err
	}
	if n, err := members(line); err != nil || n != len(root) {
		return nil, fmt.Errorf("a member is there twice (%v)", err)
	}
	var aws struct {
		Timestamp         *int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	d := json.NewDecoder(strings.NewReader(string(root["_aws"])))
	d.DisallowUnknownFields()
	if err := d.Decode(&aws); err != nil {
		return nil, fmt.Errorf("_aws: %w", err)
	}
	if aws.Timestamp == nil || *aws.Timestamp < 1e12 || len(aws.CloudWatchMetrics) == 0 {
		return nil, errors.New("_aws has no Timestamp in milliseconds, or no CloudWatchMetrics")
	}
	for _, directive := range aws.CloudWatchMetrics {
		if !isName(directive.Namespace) || strings.HasPrefix(directive.Namespace, ":") || strings.HasPrefix(directive.Namespace, "AWS/") {
			return nil, fmt.Errorf("the namespace %q", directive.Namespace)
		}
		if len(directive.Dimensions) == 0 || len(directive.Metrics) == 0 || len(directive.Metrics) > maxMetrics {
			return nil, fmt.Errorf("%d dimension sets, %d metrics", len(directive.Dimensions), len(directive.Metrics))
		}
		for _, set := range directive.Dimensions {
			dimensions, err := dimensionsOf(root, set)
			if err != nil {
				return nil, err
			}
			for _, m := range directive.Metrics {
				values, err := target(root[m.Name])
				if err != nil || !isName(m.Name) || !units.MatchString(m.Unit) {
					return nil, fmt.Errorf("the metric %q in %q: %w", m.Name, m.Unit, errors.Join(err))
				}
				all = append(all, metric{m.Name, dimensions, m.Unit, values})
			}
		}
	}
	return all, nil
}

// members counts the members of an object, those that are there twice too.
func members(line []byte) (n int, err error) {
	d := json.NewDecoder(strings.NewReader(string(line)))
	if _, err := d.Token(); err != nil {
		return 0, err
	}
	for ; d.More(); n++ {
		var value json.RawMessage
		if _, err := d.Token(); err != nil {
			return 0, err
		}
		if err := d.Decode(&value); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func isName(s string) bool { return s != "" && len(s) <= maxName }

// dimensionsOf returns a dimension set with its values.
func dimensionsOf(root map[string]json.RawMessage, set []string) (string, error) {
	if len(set) > maxDimensions {
		return "", fmt.Errorf("%d dimensions", len(set))
	}
	var all []string
	for _, key := range set {
		var value *string
		if err := json.Unmarshal(root[key], &value); err != nil || value == nil || !isName(key) || strings.HasPrefix(key, ":") {
			return "", fmt.Errorf("the dimension %q has no text: %s", key, root[key])
		}
		if strings.TrimSpace(*value) == "" || len(*value) > 1024 || strings.ContainsFunc(*value, func(c rune) bool { return c < ' ' || c > '~' }) {
			return "", fmt.Errorf("the dimension %q has the value %q", key, *value)
		}
		all = append(all, key+"="+*value)
	}
	return strings.Join(all, " "), nil
}

// target returns the values of a metric.
func target(b json.RawMessage) (values []float64, err error) {
	var one *float64
	if json.Unmarshal(b, &one) == nil && one != nil {
		return []float64{*one}, nil
	}
	if err := json.Unmarshal(b, &values); err != nil || len(values) == 0 || len(values) > maxTargets {
		return nil, fmt.Errorf("%d values: %w", len(values), errors.Join(err))
	}
	return values, nil
}
