package main

import (
	"context"
	"io"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/pkg/devcommand"
)

// dev runs the chat until ctx ends.
func dev(ctx context.Context, args []string, out, log io.Writer) error {
	return devcommand.Command{
		Name: "doze dev", Application: app.New(), Page: app.Page(), Client: "{ auth: { nickname: 'ada' } }",
	}.Run(ctx, args, out, log)
}
