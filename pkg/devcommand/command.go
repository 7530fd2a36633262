// Package devcommand is the command that runs an application on one machine until Ctrl-C: doze dev and doze serve run
// the chat with it, make dev of a project of doze new that project's own application.
package devcommand

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/internal/heapfloor"
	"github.com/dozeio/doze/internal/jobqueue"
	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/admin"
	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/site"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// Command is what is run. Name and Application are needed.
type Command struct {
	Name        string           // as it is called, such as "doze dev"; of one word when that is not known, such as "serve"
	Application *socketio.Server // not bound yet
	Page        http.Handler     // what browsers get besides the protocol; nil for nothing
	Client      string           // of the line that says how clients connect: their options, such as { auth: { nickname: 'ada' } }

	// Serve is for clients that are no developer's: doze serve. There is no way through AWS's events then, all that is
	// not for everybody has an address of its own, and the end takes its time.
	Serve bool
}

// Main runs the command with the flags of this process, and ends the process: with status 0 after Ctrl-C, which says
// goodbye to the clients, else with 1 and the error. A second Ctrl-C ends it at once.
func Main(c Command) {
	ctx := commandline.Interruptible()
	commandline.Exit(ctx, c.Name, c.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Run runs the command until ctx ends. What people look for goes to out, and what the server has to say of its work to
// log. With -h the error is flag.ErrHelp; any other says what to do.
func (c Command) Run(ctx context.Context, args []string, out, log io.Writer) error {
	o, more, err := c.options(args, out, log)
	if err != nil {
		return err
	}
	heapfloor.Keep()
	aws, ui := more.aws, more.ui
	listener, err := commandline.Listen(c.Name, o.Addr)
	if err != nil {
		return err
	}
	started := false
	defer func() {
		if !started {
			listener.Close()
		}
	}()
	services, err := aws.connect(ctx) // may make a table, and not for a server that finds no port
	if err != nil {
		return stopped(ctx, err)
	}
	if more.verify {
		counterpart.Register(c.Application)
	}
	open := false
	if ui.mode != "" {
		var of admin.Options
		if of, open, err = ui.options(o.Addr, c.Serve); err != nil {
			return err
		}
		if err := admin.Instrument(c.Application, of); err != nil {
			return fmt.Errorf("-admin, DOZE_ADMIN_USER and DOZE_ADMIN_PASSWORD_HASH: %w", err)
		}
	}
	o.Wrap = services.wrap
	o.Gateway.Site = ui.serve(c.Page)
	o.Clients = cmp.Or(o.Clients, site.FindClient())
	started = true
	s, err := oneprocess.StartOn(listener, o, c.Application.Bind)
	if err != nil {
		return err
	}
	if services.queue != nil {
		polling, stop := context.WithCancel(context.WithoutCancel(ctx)) // connections that are closed at the end have jobs too
		var polled sync.WaitGroup
		polled.Go(func() {
			jobqueue.Poll(polling, services.sqs, services.queues.Jobs, apigw.NewHeartbeat(s.Engine, services.queue), o.Gateway.Logger)
		})
		defer polled.Wait()
		defer stop()
	}
	said := ""
	if ui.mode != "" {
		said = ui.say(s.URL, open)
	}
	if s.InnerURL != "" {
		said += fmt.Sprintf("The metrics are at %s/metrics.\n", s.InnerURL)
	}
	if o.Direct && !c.Serve {
		said += fmt.Sprintf("It has none of AWS's limits: %s has them.\n", commandline.With(c.Name, "-as-aws"))
	}
	c.isUp(out, s.URL, o.Clients, said)
	if s.Warning != "" && !c.Serve {
		fmt.Fprintln(log, s.Warning)
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "\nclosing the connections")
	case <-s.Ended():
		return s.Err()
	}
	over := fmt.Errorf("the process ends, and its handlers had %v for that", more.grace)
	if c.Serve {
		over = fmt.Errorf("%w: -grace says how long", over)
	}
	goodbye, cancel := context.WithTimeoutCause(context.Background(), more.grace, over)
	defer cancel()
	err = s.Close(goodbye)
	if err != nil && goodbye.Err() != nil { // whoever has not gone by now goes with the process
		o.Gateway.Logger.Warn("not all has come to its end", "error", err)
		return nil
	}
	return err
}

// stopped is nil for an error that comes of ctx having ended: that is how people end the command.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// isUp says where it is, how clients connect, where the page's client comes from, and what more there is.
func (c Command) isUp(out io.Writer, url, clients, more string) {
	open, options := "It listens at", ""
	if c.Page != nil {
		open = "Open it in two browser tabs"
	}
	if c.Client != "" {
		options = ", " + c.Client
	}
	fmt.Fprintf(out, "Doze is up. %s:\n\n    %s\n\nClients connect with io(%q%s).\nsocket.io.js comes from %s.\n%sCtrl-C ends it.\n",
		open, url, url, options, site.Source(clients), more)
}
