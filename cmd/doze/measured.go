package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// measured is what one operation asks of AWS, as the table of docs/costs.md has it, which make bill prints and TestBill
// holds to what it measures.
type measured struct {
	invocations, reads, writes, posts, queued float64
}

// Operations of the table. A note on what was measured is part of a name, so that the reckoning cannot outlive it.
const (
	opHandshake  = "polling handshake"
	opOpen       = "WebSocket-only connect, with the open packet"
	opConnect    = "namespace CONNECT, with the reply"
	opPolled     = "namespace CONNECT over polling, with the reply"
	opUpgrade    = "upgrade, all steps; 2 namespaces, 2 rooms"
	opPoll       = "waiting poll of 20 s, nothing arrives"
	opEvent      = "event in, with ack"
	opJoin       = "join one room"
	opBroadcast  = "emit to a room of 80 WebSocket members"
	opOutbox     = "emit to a polling member, under 1 KiB in its outbox"
	opPing       = "ping + pong of an idle connection"
	opSweep      = "sweep of a heartbeat shard of 400 connections, without their pings"
	opDisconnect = "disconnect; 2 namespaces, 2 rooms"
)

var operations = []string{opHandshake, opOpen, opConnect, opPolled, opUpgrade, opPoll, opEvent, opJoin, opBroadcast, opOutbox, opPing, opSweep, opDisconnect}

// readMeasured reads the table of a page like docs/costs.md: operation, invocations, RRU, WRU, posts, table calls,
// queue requests; the first figure of each cell is the measured one. An operation that is not there is an error.
func readMeasured(page string) (map[string]measured, error) {
	table := map[string]measured{}
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 7 {
			continue
		}
		var figures [7]float64
		ok := true
		for i, cell := range cells[1:] {
			first, _, _ := strings.Cut(strings.TrimSpace(cell), " ")
			first = strings.Trim(first, "*")
			if first == "-" {
				continue // part of an event's
			}
			var err error
			figures[i], err = strconv.ParseFloat(first, 64)
			ok = ok && err == nil
		}
		if ok {
			table[strings.TrimSpace(cells[0])] = measured{figures[0], figures[1], figures[2], figures[3], figures[5]}
		}
	}
	for _, name := range operations {
		if _, ok := table[name]; !ok {
			return nil, fmt.Errorf("docs/costs.md does not say what %q costs", name)
		}
	}
	return table, nil
}

// installed is what the template makes that costs something.
type installed struct {
	connectGB, pollGB, messageGB, disconnectGB float64 // memory of the functions; that for jobs has the same as that for messages
	queues                                     float64 // that Lambda asks for jobs
	metrics, dashboards                        float64 // of alarms; of CloudWatch
}

var functionMemory = regexp.MustCompile(`(?s)\n  (\w+)Function:\n    Type: AWS::Serverless::Function\n.*?\n      MemorySize: (\d+)\n`)

// readTemplate reads template.yaml.
func readTemplate(template string) (in installed, err error) {
	memory := map[string]float64{}
	for _, found := range functionMemory.FindAllStringSubmatch(template, -1) {
		mb, err := strconv.Atoi(found[2])
		if err != nil {
			return in, err
		}
		memory[found[1]] = float64(mb) / 1024
	}
	if len(memory) != 5 || memory["Heartbeat"] != memory["Message"] {
		return in, fmt.Errorf("template.yaml has functions of %v GB, which is not what is reckoned with", memory)
	}
	count := func(pattern string) float64 {
		return float64(len(regexp.MustCompile(`(?m)`+pattern).FindAllString(template, -1)))
	}
	return installed{
		connectGB: memory["Connect"], pollGB: memory["Poll"], messageGB: memory["Message"], disconnectGB: memory["Disconnect"],
		queues:     count(`^ +Type: SQS$`),
		metrics:    count(`^ {10}MetricStat:$`) + count(`^ {6}MetricName: `),
		dashboards: count(`^    Type: AWS::CloudWatch::Dashboard$`),
	}, nil
}
