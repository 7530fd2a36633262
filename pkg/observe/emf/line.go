package emf

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/dozeio/doze/pkg/observe"
)

// maxValues is how many values of one metric the format takes in a line.
const maxValues = 100

// write puts as much of what was counted into a line as the format takes, and leaves the rest. For each label that is
// the figures with one of its values. Level and timestamp are those of Lambda's JSON logs: without a level a line
// counts as one of level INFO there, too, but that is then put into it.
func (m *Meter) write(at time.Time) {
	b := append(m.line[:0], `{"level":"INFO","timestamp":"`...)
	b = at.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	b = append(b, `","_aws":{"Timestamp":`...)
	b = strconv.AppendInt(b, at.UnixMilli(), 10)
	b = append(b, `,"CloudWatchMetrics":[`...)

	var here [8]count // labels with their values in this line; figures have three
	chosen := here[:0]
	for _, c := range m.counts {
		if !slices.ContainsFunc(chosen, func(o count) bool { return o.figure.Label == c.figure.Label }) {
			chosen = append(chosen, c)
		}
	}
	in := func(c count) bool {
		return slices.ContainsFunc(chosen, func(o count) bool { return o.figure.Label == c.figure.Label && o.label == c.label })
	}
	b = m.directive(b, "", in)
	for _, o := range chosen {
		if o.figure.Label != "" {
			b = m.directive(b, o.figure.Label, in)
		}
	}
	b = append(b[:len(b)-1], `]},"Stack":`...) // without the last comma
	b = appendText(b, m.stack)
	for _, o := range chosen {
		if o.figure.Label != "" {
			b = append(appendText(append(b, ','), o.figure.Label), ':')
			b = appendText(b, o.label)
		}
	}
	b = m.values(b, in)
	m.line = append(b, "}\n"...)
	m.counts = slices.DeleteFunc(m.counts, in)
}

// directive appends what says where the metrics of a label are, with a comma, and nothing if there are none.
func (m *Meter) directive(b []byte, label string, in func(count) bool) []byte {
	begin := len(b)
	b = append(b, `{"Namespace":"`+Namespace+`","Dimensions":[["Stack"`...)
	if label != "" {
		b = appendText(append(b, ','), label)
	}
	b = append(b, `]],"Metrics":[`...)
	none := len(b)
	for _, c := range m.counts {
		if c.figure.Label == label && in(c) {
			b = definition(b, c.figure)
		}
	}
	for _, s := range m.series {
		if label == "" {
			b = definition(b, s.figure)
		}
	}
	if len(b) == none {
		return b[:begin]
	}
	return append(b[:len(b)-1], "]},"...)
}

func definition(b []byte, f *observe.Figure) []byte {
	b = append(appendText(append(b, `{"Name":`...), f.Name), `,"Unit":`...)
	return append(appendText(b, string(f.Unit)), "},"...)
}

// values appends the metrics themselves, and takes the values of distributions that are in the line away.
func (m *Meter) values(b []byte, in func(count) bool) []byte {
	for _, c := range m.counts {
		if in(c) {
			b = append(appendText(append(b, ','), c.figure.Name), ':')
			b = appendNumber(b, c.n)
		}
	}
	for i := range m.series {
		s := &m.series[i]
		some := s.values[:min(len(s.values), maxValues)]
		b = append(appendText(append(b, ','), s.figure.Name), ':')
		if len(some) == 1 {
			b = appendNumber(b, some[0])
		} else {
			b = append(b, '[')
			for _, v := range some {
				b = append(appendNumber(b, v), ',')
			}
			b[len(b)-1] = ']'
		}
		s.values = s.values[len(some):]
	}
	m.series = slices.DeleteFunc(m.series, func(s series) bool { return len(s.values) == 0 })
	return b
}

// appendNumber appends a number with two digits after the point at most, which is more than a clock is good for.
func appendNumber(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = 0
	}
	return strconv.AppendFloat(b, math.Round(v*100)/100, 'f', -1, 64)
}

// appendText appends printable ASCII as JSON.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}
