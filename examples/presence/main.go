// Command presence runs the example on this machine until Ctrl-C: -h lists its flags.
package main

import (
	"github.com/dozeio/doze/examples/presence/app"
	"github.com/dozeio/doze/pkg/devcommand"
)

func main() {
	devcommand.Main(devcommand.Command{Name: "presence", Application: app.New(), Page: app.Page(), Client: "{ auth: { name: 'ada' } }"})
}
