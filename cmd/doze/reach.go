package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go/logging"

	"github.com/dozeio/doze/internal/awsfault"
	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/internal/elsewhere"
	"github.com/dozeio/doze/pkg/socketio"
)

// where are the flags by which doze emit and its siblings find a deployment.
type where struct {
	dev, stack, endpoint string
	at                   elsewhere.Place
	msgPack              bool
}

// whereUsage is what the help of each of them says.
const whereUsage = `The deployment is a running doze dev (-dev http://127.0.0.1:3000), a stack (-stack NAME), or what -table, -connections and
-queue say, or DOZE_TABLE, DOZE_CONNECTIONS and DOZE_QUEUE in the environment. All but the first need AWS credentials with
the rights of the output EmitterPolicyArn, and -stack cloudformation:DescribeStacks besides.

`

func (w *where) flags(f *flag.FlagSet) {
	f.StringVar(&w.dev, "dev", "", "`URL` of a running doze dev, such as http://127.0.0.1:3000, or of doze serve, by its -inner address")
	f.StringVar(&w.stack, "stack", "", "`name` of a stack, whose outputs say the rest")
	f.StringVar(&w.at.Table, "table", "", "`name` of the table (default: DOZE_TABLE)")
	f.StringVar(&w.at.Connections, "connections", "", "`URL` of the @connections API with its stage (default: DOZE_CONNECTIONS)")
	f.StringVar(&w.at.Queue, "queue", "", "`URL` of the job queue (default: DOZE_QUEUE)")
	f.BoolVar(&w.msgPack, "msgpack", false, "the application has MsgPack in its Options, which doze dev says itself")
	f.StringVar(&w.endpoint, "endpoint", "", "`URL` of a server that answers like AWS, such as LocalStack's http://127.0.0.1:4566 (default: AWS_ENDPOINT_URL, else AWS)")
}

// reach returns the deployment, and the address of its WebSockets.
func (w *where) reach(ctx context.Context, log io.Writer) (d control.Deployment, sockets string, err error) {
	if w.dev != "" {
		u, err := url.Parse(w.dev)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			return nil, "", fmt.Errorf("-dev %q is no URL: write -dev http://127.0.0.1:3000, say", w.dev)
		case w.stack != "" || w.at != (elsewhere.Place{}) || w.msgPack || w.endpoint != "":
			return nil, "", errors.New("-dev needs no other flag to say where: leave out -stack, -table, -connections, -queue, -msgpack and -endpoint")
		}
		return control.At(w.dev), "ws" + strings.TrimPrefix(strings.TrimSuffix(w.dev, "/"), "http") + "/socket.io/", nil
	}
	if w.stack == "" && w.at == (elsewhere.Place{}) && os.Getenv("DOZE_TABLE") == "" {
		return nil, "", errors.New("which deployment? -dev http://127.0.0.1:3000 is a running doze dev, -stack NAME a stack; -h lists what else says it")
	}
	cfg, err := w.config(ctx)
	if err != nil {
		return nil, "", err
	}
	if w.stack != "" {
		if err := w.readStack(ctx, cfg); err != nil {
			return nil, "", err
		}
	}
	if w.at.Connections == "" {
		w.at.Connections = os.Getenv("DOZE_CONNECTIONS")
	}
	b, err := elsewhere.Backend(cfg, w.at)
	if err != nil {
		return nil, "", err
	}
	d, err = control.Of(b, socketio.Options{Logger: commandline.Logger(log, false), MsgPack: w.msgPack})
	if err != nil {
		return nil, "", err
	}
	return d, "ws" + strings.TrimPrefix(strings.TrimSuffix(w.at.Connections, "/"), "http"), nil
}

// config returns how AWS is asked, at the endpoint.
func (w *where) config(ctx context.Context) (aws.Config, error) { return configOf(ctx, w.endpoint) }

// configOf returns how AWS is asked, at an endpoint unless it is empty. Nothing is sent yet. The error says what to set.
func configOf(ctx context.Context, endpoint string) (aws.Config, error) {
	if u, err := url.Parse(endpoint); endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return aws.Config{}, fmt.Errorf("-endpoint %q is no URL: write -endpoint http://127.0.0.1:4566, say", endpoint)
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{})) // what goes wrong is in the error
	switch {
	case err != nil:
		return cfg, fmt.Errorf("AWS's configuration could not be read: see AWS_PROFILE and the files in ~/.aws: %w", err)
	case cfg.Region == "":
		return cfg, awsfault.ErrNoRegion
	case endpoint != "":
		cfg.BaseEndpoint = aws.String(endpoint)
	}
	return cfg, nil
}

// readStack fills in what no flag says from the outputs of the stack.
func (w *where) readStack(ctx context.Context, cfg aws.Config) error {
	outputs, err := stackOutputs(ctx, cfg, w.stack)
	if err != nil {
		return err
	}
	for name, of := range map[string]*string{"TableName": &w.at.Table, "ConnectionsUrl": &w.at.Connections, "JobQueueUrl": &w.at.Queue} {
		if *of != "" {
			continue
		}
		if *of = outputs[name]; *of == "" {
			return fmt.Errorf("the stack %s has no output %s: deploy it with this version of Doze, or say where by -table, -connections and -queue", w.stack, name)
		}
	}
	return nil
}

// stackOutputs returns the outputs of a stack.
func stackOutputs(ctx context.Context, cfg aws.Config, name string) (map[string]string, error) {
	out, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil || len(out.Stacks) == 0 {
		return nil, awsfault.Stack(name, cfg.Region, err)
	}
	outputs := map[string]string{}
	for _, o := range out.Stacks[0].Outputs {
		outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return outputs, nil
}

// targetFlags are the flags that name sockets, of a command that without -to means those of otherwise.
func targetFlags(f *flag.FlagSet, t *control.Target, otherwise string) {
	t.Namespace = "/"
	f.Var((*namespaceValue)(&t.Namespace), "namespace", "`name` of the namespace")
	f.Func("to", "`room`, or id of a socket, whose members are meant; may be repeated ("+otherwise+")", func(room string) error {
		if room == "" {
			return errEmpty
		}
		t.To = append(t.To, room)
		return nil
	})
	f.Func("except", "`room`, or id of a socket, whose members are not meant; may be repeated", func(room string) error {
		if room == "" {
			return errEmpty
		}
		t.Except = append(t.Except, room)
		return nil
	})
}
