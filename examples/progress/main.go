// Command progress runs the example's server on this machine until Ctrl-C: -h lists its flags. The job is a command of
// its own, in the folder checksum.
package main

import (
	"github.com/dozeio/doze/examples/progress/app"
	"github.com/dozeio/doze/pkg/devcommand"
)

func main() {
	devcommand.Main(devcommand.Command{Name: "progress", Application: app.New(), Page: app.Page()})
}
