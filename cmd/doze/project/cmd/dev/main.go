// Command dev runs the application on this machine, with everything in memory unless flags say otherwise: -h lists them.
// With -as-aws it is behind a local API Gateway.
package main

import (
	"github.com/dozeio/doze/cmd/doze/project/app"
	"github.com/dozeio/doze/pkg/devcommand"
)

func main() {
	devcommand.Main(devcommand.Command{Name: "dev", Application: app.New(), Page: app.Page()})
}
