package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/dozeio/doze"
	"github.com/dozeio/doze/internal/commandline"
)

const costUsage = `usage: doze cost [flags]

Estimates the monthly bill of a deployment, line by line, from what each operation was measured to need (docs/costs.md)
and prices of us-east-1 of ` + pricesOf + `.

`

// cost runs doze cost.
func cost(args []string, out io.Writer) error {
	u := use{rate: rate{unit: "h"}}
	f := flag.NewFlagSet("doze cost", flag.ContinueOnError)
	f.Float64Var(&u.clients, "clients", 100, "clients over WebSocket that are connected at the same time")
	f.Float64Var(&u.polling, "polling", 0, "clients connected at the same time that stay with long-polling")
	f.Float64Var(&u.hours, "hours", 24, "hours a day that they are connected; the rest of the day nobody is")
	f.DurationVar(&u.stay, "stay", 2*time.Hour, "time until a client connects anew; API Gateway ends WebSocket connections after 2h")
	f.Var(&u.rate, "messages", "`rate` of events that each client sends, each with an ack: 10/s, 10/min, 10/h or 10/day; a number alone is an hour's")
	f.Float64Var(&u.members, "members", 10, "other clients that each event goes to")
	f.Float64Var(&u.rooms, "rooms", 1, "rooms that a client joins after it has connected")
	f.Float64Var(&u.size, "size", 200, "bytes of an event")
	f.DurationVar(&u.ping, "ping-interval", 300*time.Second, "time between two pings")
	f.DurationVar(&u.handler, "handler", 15*time.Millisecond, "time of an invocation, yours and Doze's together")
	f.Float64Var(&u.logged, "log", 0, "bytes that handlers log for each event, besides what Doze logs: who left, and what goes wrong")
	f.BoolVar(&u.metrics, "metrics", true, "the functions' logs have figures for CloudWatch, as the template's Metrics=yes has it")
	f.BoolVar(&u.webSocketOnly, "websocket-only", false, "clients connect with transports: [\"websocket\"]")
	f.BoolVar(&u.oneOrigin, "one-origin", true, "CloudFront is before both APIs, as the template's OneOrigin=yes has it")
	if err := commandline.ParseFlags(f, costUsage, args, out); err != nil {
		return err
	}
	u.messages = u.rate.hourly(u.hours)
	if err := u.check(); err != nil {
		return err
	}
	page, err := doze.Files.ReadFile("docs/costs.md")
	if err != nil {
		return err
	}
	table, err := readMeasured(string(page))
	if err != nil {
		return err
	}
	template, err := doze.Files.ReadFile("template.yaml")
	if err != nil {
		return err
	}
	in, err := readTemplate(string(template))
	if err != nil {
		return err
	}
	u.describe(out)
	report(out, u, u.month(table, in))
	return nil
}

func (u use) check() error {
	for _, n := range []struct {
		flag  string
		value float64
		most  float64
	}{
		{"clients", u.clients, 1e9}, {"polling", u.polling, 1e9}, {"hours", u.hours, 24}, {"messages", u.rate.n, 1e9},
		{"members", u.members, 1e9}, {"rooms", u.rooms, 1e6}, {"size", u.size, maxEvent}, {"log", u.logged, 1e9},
	} {
		if !(n.value >= 0 && n.value <= n.most) { // also what is no number
			return fmt.Errorf("-%s is %v: it goes from 0 to %.0f", n.flag, n.value, n.most)
		}
	}
	switch {
	case u.stay < time.Second:
		return fmt.Errorf("-stay is %v: write a time of a second or more, such as 30m", u.stay)
	case u.ping < 25*time.Second || u.ping > 480*time.Second:
		return fmt.Errorf("-ping-interval is %v: the template allows 25s to 480s", u.ping)
	case u.handler < time.Millisecond || u.handler > 29*time.Second:
		return fmt.Errorf("-handler is %v: write a time from 1ms to 29s", u.handler)
	}
	return nil
}

// line is one of the bill.
type line struct {
	what   string
	amount float64
	price  price
}

func (l line) usd() float64 { return l.amount * l.price.usd / l.price.per }

// lines are the bill of a month.
func (u use) lines(q quantity) []line {
	all := []line{
		{"API Gateway: WebSocket messages, in and out", q.messages, webSocketMessages},
		{"API Gateway: connections", q.minutes, connectionMinutes},
		{"API Gateway: HTTP requests", q.http, httpRequests},
		{"Lambda: requests", q.requests, lambdaRequests},
		{"Lambda: time", q.gbSeconds, lambdaTime},
		{"DynamoDB: reads", q.reads, readUnits},
		{"DynamoDB: writes", q.writes, writeUnits},
		{"SQS: requests, most of them Lambda's polls", q.queue, queueRequests},
		{"CloudWatch: logs", q.logged / 1e9, logData},
		{"CloudWatch: metrics of Doze's own", q.custom, customMetrics},
		{"CloudWatch: alarms", q.alarms, alarmMetrics},
		{"CloudWatch: dashboard", q.boards, dashboards},
	}
	if !u.oneOrigin {
		return append(all, line{"data to the internet", q.bytes / 1e9, regionData})
	}
	return append(all,
		line{"CloudFront: requests", q.http + q.edge, edgeRequests},
		line{"CloudFront: its function", q.http + q.edge, edgeFunctions},
		line{"CloudFront: data to the internet", q.bytes / 1e9, edgeData})
}

// report prints the bill.
func report(out io.Writer, u use, q quantity) {
	const row = "%-45s %14s %-10s %10s\n"
	rule := strings.Repeat("-", 82)
	fmt.Fprintf(out, row, "a month in us-east-1", "amount", "", "USD")
	fmt.Fprintln(out, rule)
	total := 0.0
	for _, l := range u.lines(q) {
		amount, unit := l.amount, l.price.unit
		digits := 0
		if rest, millions := strings.CutPrefix(unit, "M "); millions {
			amount, unit, digits = amount/1e6, "M "+rest, 3
		} else if unit == "GB" {
			digits = 3
		}
		fmt.Fprintf(out, row, l.what, grouped(amount, digits), unit, grouped(l.usd(), 2))
		total += l.usd()
	}
	fmt.Fprintln(out, rule)
	fmt.Fprintf(out, row, "in all", "", "", grouped(total, 2))
	fmt.Fprintf(out, "\nPrices of %s, without free tiers, volume discounts and taxes, mostly from third parties' copies of AWS's lists.\nDurations are assumptions. docs/costs.md says what is behind each line.\n", pricesOf)
}

// grouped writes a number with commas: 1,234.50.
func grouped(n float64, digits int) string {
	s := fmt.Sprintf("%.*f", digits, math.Abs(n))
	whole, rest, _ := strings.Cut(s, ".")
	var parts []string
	for len(whole) > 3 {
		parts = append([]string{whole[len(whole)-3:]}, parts...)
		whole = whole[:len(whole)-3]
	}
	s = strings.Join(append([]string{whole}, parts...), ",")
	if rest != "" {
		s += "." + rest
	}
	return s
}
