// Command cursors runs the example on this machine until Ctrl-C: -h lists its flags.
package main

import (
	"github.com/dozeio/doze/examples/cursors/app"
	"github.com/dozeio/doze/pkg/devcommand"
)

func main() {
	devcommand.Main(devcommand.Command{Name: "cursors", Application: app.New(), Page: app.Page(), Client: "{ auth: { board: 'tea', name: 'ada' } }"})
}
