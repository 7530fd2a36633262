package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dozeio/doze/internal/deadletters"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
)

const redriveUsage = `usage: doze redrive [flags]
       doze redrive [flags] -resend|-delete MESSAGE...
       doze redrive [flags] -resend|-delete -all

Lists the dead letters: jobs that were given up, what they were to do, and why they failed. -resend puts those that are
named on the job queue again, without the reason, and -delete throws them away. MESSAGE is an id, or the beginning of one.

The deployment is a stack (-stack NAME), or what -queue and -dead say, or DOZE_QUEUE and DOZE_DEAD_QUEUE in the
environment. It needs the rights sqs:ReceiveMessage, sqs:ChangeMessageVisibility and sqs:DeleteMessage on the dead-letter
queue, sqs:SendMessage on the other, and for -stack cloudformation:DescribeStacks.

`

// redrive runs doze redrive.
func redrive(ctx context.Context, args []string, out, log io.Writer) error {
	var w where
	f := flag.NewFlagSet("doze redrive", flag.ContinueOnError)
	f.StringVar(&w.dev, "dev", "", "not here: doze dev has no dead-letter queue, and its log says what it has dropped")
	f.StringVar(&w.stack, "stack", "", "`name` of a stack, whose outputs say the rest")
	f.StringVar(&w.at.Queue, "queue", "", "`URL` of the job queue (default: DOZE_QUEUE)")
	dead := f.String("dead", "", "`URL` of the dead-letter queue (default: DOZE_DEAD_QUEUE)")
	f.StringVar(&w.endpoint, "endpoint", "", "`URL` of a server that answers like AWS (default: AWS_ENDPOINT_URL, else AWS)")
	r := redriving{out: out, log: log}
	resend := f.Bool("resend", false, "put messages on the job queue again")
	remove := f.Bool("delete", false, "throw messages away")
	f.BoolVar(&r.all, "all", false, "resend or delete all that there are")
	f.IntVar(&r.most, "n", 1000, "`number` of messages to look at, at most")
	f.Float64Var(&r.rate, "rate", 10, "messages a second to resend")
	f.BoolVar(&r.asJSON, "json", false, "print a line of JSON for each message, with its body")
	var err error
	if r.ids, err = parse(f, redriveUsage, args, out); err != nil {
		return err
	}
	if err := emptyArgument("a message", r.ids); err != nil { // it would be the beginning of each
		return err
	}
	switch {
	case w.dev != "":
		return errors.New("doze dev has no dead-letter queue: its log says \"job dropped\", and -v the rest; with doze dev -queue, use -queue, -dead and -endpoint")
	case *resend && *remove:
		return errors.New("-resend and -delete are two things: choose one")
	case !*resend && !*remove && (r.all || len(r.ids) > 0):
		return errors.New("say what to do with the messages: -resend or -delete")
	case (*resend || *remove) && r.all == (len(r.ids) > 0):
		return errors.New("name messages, or -all, one of them: doze redrive lists them")
	case r.most < 1:
		return fmt.Errorf("-n is %d: it goes from 1", r.most)
	case !(r.rate >= leastRate && r.rate <= maxResendRate):
		return fmt.Errorf("-rate is %v: it goes from %v, one in %.0f s, up to %d", r.rate, leastRate, 1/leastRate, maxResendRate)
	}
	r.does = map[bool]string{true: "resent"}[*resend] + map[bool]string{true: "deleted"}[*remove]
	if r.queue, err = w.deadLetters(ctx, *dead); err != nil {
		return err
	}
	return r.run(ctx)
}

var errWhichQueues = errors.New("which queues? -stack NAME is a stack, or say -queue and -dead, which are its outputs JobQueueUrl and DeadLetterQueueUrl")

// deadLetters finds the queues. What a flag says goes before what the stack does, and that before the environment.
func (w *where) deadLetters(ctx context.Context, dead string) (*deadletters.Queue, error) {
	queues := outgoing.Queues{Jobs: cmp.Or(w.at.Queue, os.Getenv("DOZE_QUEUE")), Dead: cmp.Or(dead, os.Getenv("DOZE_DEAD_QUEUE"))}
	if w.stack == "" && (queues.Jobs == "" || queues.Dead == "") {
		return nil, errWhichQueues
	}
	cfg, err := w.config(ctx)
	if err != nil {
		return nil, err
	}
	if w.stack != "" {
		outputs, err := stackOutputs(ctx, cfg, w.stack)
		if err != nil {
			return nil, err
		}
		queues = outgoing.Queues{Jobs: cmp.Or(w.at.Queue, outputs["JobQueueUrl"]), Dead: cmp.Or(dead, outputs["DeadLetterQueueUrl"])}
		if queues.Jobs == "" || queues.Dead == "" {
			return nil, fmt.Errorf("the stack %s has no outputs JobQueueUrl and DeadLetterQueueUrl: deploy it with this version of Doze, or say -queue and -dead", w.stack)
		}
	}
	return deadletters.New(sqs.NewFromConfig(cfg), queues, time.Now), nil
}

// maxResendRate is one that the functions take beside what clients have them do.
const maxResendRate = 1000

// redriving is a call of doze redrive.
type redriving struct {
	queue    *deadletters.Queue
	out, log io.Writer
	ids      []string // or the beginnings of some
	all      bool
	does     string // resent, deleted, or "" to list
	most     int
	rate     float64
	asJSON   bool
}

// letter is a line of doze redrive -json.
type letter struct {
	ID     string    `json:"id"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"` // "" where there is none
	Was    string    `json:"was,omitempty"`
	What   string    `json:"what"`
	Body   string    `json:"body"`
	Done   string    `json:"done,omitempty"` // resent or deleted
}

// run lists messages, or does something with those that are meant. Whatever is left is seen by others again.
func (r redriving) run(ctx context.Context) error {
	letters, more, err := r.queue.Receive(ctx, r.most)
	kept := letters
	if err == nil && r.does != "" {
		var meant []deadletters.Letter
		if meant, err = r.meant(letters); err == nil {
			kept, err = r.each(ctx, letters, meant)
		}
	} else if err == nil {
		slices.SortStableFunc(letters, func(a, b deadletters.Letter) int { return a.Since.Compare(b.Since) })
		for _, l := range letters {
			if err = r.say(l, ""); err != nil {
				break
			}
		}
	}
	err = errors.Join(err, r.queue.Release(context.WithoutCancel(ctx), kept))
	if more && err == nil {
		fmt.Fprintf(r.log, "there are more than %d: -n looks at more of them\n", r.most)
	}
	return err
}

// meant returns the messages that the ids name. One that names none, or several, is an error, before anything is done.
func (r redriving) meant(letters []deadletters.Letter) (meant []deadletters.Letter, err error) {
	if r.all {
		return letters, nil
	}
	for _, id := range r.ids {
		found := slices.DeleteFunc(slices.Clone(letters), func(l deadletters.Letter) bool { return len(l.ID) < len(id) || l.ID[:len(id)] != id })
		switch {
		case len(found) == 0:
			return nil, fmt.Errorf("%s is no message of the dead-letter queue, or somebody else looks at it: doze redrive lists them, and -n looks at more", id)
		case len(found) > 1:
			return nil, fmt.Errorf("%s begins the ids of %d messages: write more of it", id, len(found))
		}
		if !slices.ContainsFunc(meant, func(l deadletters.Letter) bool { return l.ID == found[0].ID }) {
			meant = append(meant, found[0])
		}
	}
	return meant, nil
}

// each resends or deletes messages, and returns those of all that are left.
func (r redriving) each(ctx context.Context, all, meant []deadletters.Letter) (kept []deadletters.Letter, err error) {
	kept = slices.Clone(all)
	do := r.queue.Delete
	if r.does == "resent" {
		do = func(ctx context.Context, l deadletters.Letter) error {
			l.Body = string(engine.Undated([]byte(l.Body)))
			return r.queue.Resend(ctx, l)
		}
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / r.rate))
	defer tick.Stop()
	for i, l := range meant {
		if i > 0 && r.does == "resent" {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		if err := ctx.Err(); err != nil {
			return kept, err
		}
		if err := do(ctx, l); err != nil {
			return kept, err
		}
		kept = slices.DeleteFunc(kept, func(k deadletters.Letter) bool { return k.ID == l.ID })
		if err := r.say(l, r.does); err != nil {
			return kept, err
		}
	}
	return kept, nil
}

func (r redriving) say(l deadletters.Letter, done string) error {
	what := socketio.DescribeJob([]byte(l.Body))
	if r.asJSON {
		return eachAsJSON(r.out, []letter{{l.ID, l.Since.UTC(), l.Reason, l.Was, what, l.Body, done}})
	}
	reason := cmp.Or(l.Reason, "its invocation died each time: the heartbeat function's log has it")
	text := fmt.Sprintf("%s  %s ago\n  %s\n  %s", l.ID, age(time.Now(), l.Since), printable(what), printable(reason))
	if done != "" {
		text = l.ID + "  " + done
	}
	_, err := fmt.Fprintln(r.out, text)
	return err
}
