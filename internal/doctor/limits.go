package doctor

import (
	"fmt"
	"math"
)

// The rules of Lambda about reserved concurrency.
const (
	leastUnreserved = 100 // that Lambda keeps for functions without a reservation
	reservable      = leastUnreserved * 3 / 2
)

func checkConcurrency(f *facts) []Finding {
	if k := f.concurrency; k.err != nil {
		return unknown("how many invocations the account has at once", k.err)
	}
	return append(checkAccount(f), checkAccountConcurrency(f)...)
}

// checkAccountConcurrency compares what the stack takes for the account's concurrency with what that is.
func checkAccountConcurrency(f *facts) []Finding {
	has := f.concurrency.is
	set, ok := number(f.parameters, "AccountConcurrency")
	switch {
	case !ok:
		return one(Unknown, "the stack has no parameter AccountConcurrency", "deploy it with this version of Doze", "nothing")
	case int(set) > has:
		return one(Raise, fmt.Sprintf("AccountConcurrency is %.0f, and the account has %d: the Concurrency alarm rings too late, or never", set, has), fmt.Sprintf("set the parameter to %d, and again when the account has got more", has), "nothing")
	case int(set) < has:
		return one(Raise, fmt.Sprintf("AccountConcurrency is %.0f, and the account has %d: the Concurrency alarm rings too early", set, has), fmt.Sprintf("set the parameter to %d", has), "nothing")
	}
	return nil
}

// checkAccount judges the account's concurrency.
func checkAccount(f *facts) []Finding {
	k := f.concurrency
	polling := 0
	if f.open.err == nil {
		polling = f.open.is.polling
	}
	const do = "ask for %s in Service Quotas (Lambda, concurrent executions, L-B99A9384); the answer takes hours to days"
	want := max(1000, 2*k.is)
	switch {
	case k.is < leastUnreserved:
		return one(Wrong, fmt.Sprintf("the account has %d invocations at once, as new ones do: as many clients that poll stop everything", k.is), fmt.Sprintf(do, "1,000"), free)
	case f.peak.err == nil && f.peak.is > float64(k.is)/2:
		return one(Raise, fmt.Sprintf("of %d invocations at once, %.0f were needed in the last week", k.is, f.peak.is), fmt.Sprintf(do, commas(want)), free)
	case polling > k.is/3:
		return one(Raise, fmt.Sprintf("%d clients poll, each of which holds one of the account's %d invocations", polling, k.is), fmt.Sprintf(do, commas(want))+"; look why they do not get to WebSocket", free+", but a client that polls all the time holds 0.125 GB all the time, about $4.40 a month")
	case k.is < 1000:
		return one(Raise, fmt.Sprintf("the account has %d invocations at once, fewer than the 1,000 that is usual", k.is), fmt.Sprintf(do, "1,000"), free)
	}
	if f.peak.err != nil {
		return append(fine("the account has %s invocations at once", commas(k.is)), unknown("how many were needed in the last week", f.peak.err)...)
	}
	return fine("the account has %s invocations at once, and %.0f were needed in the last week", commas(k.is), f.peak.is)
}

func checkPolls(f *facts) []Finding {
	k := f.reserved["PollFunction"]
	if k.err != nil {
		return unknown("the reserved concurrency of PollFunction", k.err)
	}
	if f.concurrency.err != nil {
		return unknown("how many invocations the account has at once", f.concurrency.err)
	}
	limit, reserved := f.concurrency.is, 0
	if k.is != nil {
		if reserved = *k.is; reserved == 0 {
			return nil // checkFunctions has it
		}
	}
	polling := 0
	if f.open.err == nil {
		polling = f.open.is.polling
	}
	switch {
	case reserved == 0 && limit >= reservable:
		return one(Raise, "clients that poll can hold all of the account's invocations: a handshake is all that it takes", fmt.Sprintf("set the parameter PollConcurrency to %d, a third of them", limit/3), "nothing, but nobody else gets these")
	case reserved == 0:
		return one(Unknown, fmt.Sprintf("clients that poll can hold all of the account's %d invocations, and so few cannot be divided", limit), fmt.Sprintf("raise the concurrency first, and set PollConcurrency to a third once it is %d or more", reservable), "nothing")
	case float64(polling) > 0.8*float64(reserved):
		return one(Raise, fmt.Sprintf("%d clients poll, for whom PollConcurrency has %d invocations: the next ones get 5xx", polling, reserved), fmt.Sprintf("set PollConcurrency to %d, and ask for more concurrency if that is more than a third; look why they do not get to WebSocket", 2*reserved), "a client that polls all the time is about $4.40 a month")
	case reserved > limit/2 && limit > 0:
		return one(Raise, fmt.Sprintf("PollConcurrency takes %d of the account's %d invocations from everything else", reserved, limit), fmt.Sprintf("set it to %d, a third", limit/3), "nothing")
	}
	return fine("%d clients poll, and PollConcurrency has %d invocations for them", polling, reserved)
}

// backWithin is how long it may take until all clients are back after a break, in seconds.
const backWithin = 60

func checkConnections(f *facts) []Finding {
	k := f.quotas[connections]
	if k.err != nil {
		return unknown("how many new connections a second API Gateway takes", k.err)
	}
	if f.open.err != nil {
		return unknown("how many clients are connected", f.open.err)
	}
	seconds := float64(f.open.is.websocket) / max(1, k.is)
	if seconds > backWithin {
		want := int(math.Ceil(float64(f.open.is.websocket)/backWithin/100) * 100)
		return one(Raise, fmt.Sprintf("%s clients are connected, and API Gateway takes %.0f new ones a second: after a break it takes %.0f s until all are back", commas(f.open.is.websocket), k.is, seconds),
			fmt.Sprintf("ask for %s in Service Quotas (API Gateway, WebSocket new connections rate, %s)", commas(want), connections.code), free)
	}
	return fine("%s clients are connected over WebSocket, and %.0f can come in a second", commas(f.open.is.websocket), k.is)
}

// moreMessages is the quota that can be raised for messages. The one for the burst is not adjustable.
var moreMessages = "API Gateway, " + apiRate.code

func checkMessages(f *facts) (all []Finding) {
	for _, c := range []struct {
		parameter, what string
		q               quota
		do              string
	}{
		{"MessageRate", "messages a second", apiRate, "ask for more in Service Quotas (" + moreMessages + "), or lower it"},
		{"MessageBurst", "messages at once", apiBurst, "lower it, or ask for a higher rate in Service Quotas (" + moreMessages + "): nobody can ask for a burst (" + apiBurst.code + "), which AWS sets with the rate"},
	} {
		k := f.quotas[c.q]
		if k.err != nil {
			all = append(all, unknown("how many "+c.what+" API Gateway takes in the account", k.err)...)
			continue
		}
		set, ok := number(f.parameters, c.parameter)
		switch {
		case !ok:
			all = append(all, one(Unknown, "the stack has no parameter "+c.parameter, "deploy it with this version of Doze", "nothing")...)
		case set > k.is:
			all = append(all, one(Raise, fmt.Sprintf("%s is %.0f, and the account has %.0f for all its APIs", c.parameter, set, k.is), c.do, free)...)
		}
	}
	rate, ok := number(f.parameters, "MessageRate")
	if n := float64(f.open.is.websocket); ok && rate > 0 && f.open.err == nil && n > 5*rate {
		all = append(all, one(Raise, fmt.Sprintf("an emit to all %.0f clients takes %.0f s, because MessageRate is %.0f", n, n/rate, rate), "raise MessageRate and MessageBurst; where they are more than the account has, ask for a higher rate in Service Quotas ("+moreMessages+"), with which AWS sets the burst", "the parameters nothing; a million messages are $1.00")...)
	}
	if all == nil {
		return fine("MessageRate and MessageBurst are within what the account has")
	}
	return all
}
