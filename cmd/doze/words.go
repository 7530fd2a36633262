package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// rate is how often something happens, as people write it: 10/min.
type rate struct {
	n    float64
	unit string // a key of units
}

// units are what a rate may be of: seconds, and words. A day is as long as clients are connected on it.
var units = map[string]struct {
	seconds float64
	words   string
}{"s": {1, "a second"}, "min": {60, "a minute"}, "h": {3600, "an hour"}, "day": {0, "a day"}}

// String is what Set reads.
func (r *rate) String() string { return strconv.FormatFloat(r.n, 'g', -1, 64) + "/" + r.unit }

// Set reads a number and a unit; a number alone is an hour's.
func (r *rate) Set(text string) error {
	number, unit, given := strings.Cut(text, "/")
	if !given {
		unit = "h"
	}
	n, err := strconv.ParseFloat(number, 64)
	if _, known := units[unit]; err != nil || !known {
		return fmt.Errorf("write a number and /s, /min, /h or /day, such as 10/min")
	}
	*r = rate{n, unit}
	return nil
}

// hourly returns how often it is in an hour, when a day has so many.
func (r *rate) hourly(hours float64) float64 {
	switch seconds := units[r.unit].seconds; {
	case r.n == 0:
		return 0
	case seconds == 0 && hours == 0:
		return 0
	case seconds == 0:
		return r.n / hours
	default:
		return r.n * 3600 / seconds
	}
}

// describe repeats in words what a use is, so that a number that was meant otherwise is seen.
func (u use) describe(out io.Writer) {
	if u.clients+u.polling == 0 {
		fmt.Fprint(out, "No clients: what is deployed, and nobody there.\n\n")
		return
	}
	var who []string
	if u.clients > 0 {
		who = append(who, counted(u.clients, "client")+" over WebSocket")
	}
	if u.polling > 0 {
		who = append(who, counted(u.polling, "client")+" over polling")
	}
	events := "which send nothing"
	if u.messages > 0 {
		events = fmt.Sprintf("%s %s each, every one to %s", counted(u.rate.n, "event"), units[u.rate.unit].words, counted(u.members, "other"))
	}
	fmt.Fprintf(out, "%s, %s.\n", strings.Join(who, " and "), events)
	if sent := (u.clients + u.polling) * hoursOfMonth * u.hours / 24 * u.messages; sent > 0 {
		fmt.Fprintf(out, "In a month: %s of %s, received %s times.\n", counted(math.Round(sent), "event"), counted(u.size, "byte"), grouped(sent*u.members, 0))
	}
	begin, front := "with polling", "CloudFront is before the APIs"
	if u.webSocketOnly {
		begin = "with WebSocket"
	}
	if !u.oneOrigin {
		front = "no CloudFront"
	}
	if !u.metrics {
		front += "; no metrics"
	}
	fmt.Fprintf(out, "Connected %s a day, anew after %s; each time a client joins %s.\n", counted(u.hours, "hour"), brief(u.stay), counted(u.rooms, "room"))
	fmt.Fprintf(out, "They begin %s. A ping every %s; %s an invocation; %s logged an event; %s.\n\n",
		begin, brief(u.ping), brief(u.handler), counted(u.logged, "byte"), front)
}

// counted writes a number of things.
func counted(n float64, thing string) string {
	digits := 0
	if n != float64(int64(n)) {
		digits = 3
	}
	text := grouped(n, digits)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	if n != 1 {
		thing += "s"
	}
	return text + " " + thing
}

// brief writes a time without zeros at its end: 2h.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
