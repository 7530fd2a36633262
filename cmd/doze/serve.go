package main

import (
	"context"
	"io"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/pkg/devcommand"
)

// serveChat runs the chat for whoever reaches this machine, until ctx ends.
func serveChat(ctx context.Context, args []string, out, log io.Writer) error {
	return devcommand.Command{
		Name: "doze serve", Application: app.New(), Page: app.Page(), Client: "{ auth: { nickname: 'ada' } }", Serve: true,
	}.Run(ctx, args, out, log)
}
