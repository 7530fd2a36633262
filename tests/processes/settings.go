package processes

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/dozeio/doze/pkg/engine"
)

func encodeEngine(o engine.Options) (string, error) {
	o.Clock, o.Rand, o.Logger = nil, nil, nil
	b, err := json.Marshal(o)
	return string(b), err
}

// FromEnv reads what a function of a test is told besides a deployment's settings: which application it is, and the engine's options, of
// which it leaves Clock, Rand and Logger as they are.
func FromEnv(o *engine.Options) (app string, err error) {
	app, settings := os.Getenv("DOZE_TEST_APP"), os.Getenv("DOZE_TEST_ENGINE")
	clock, random, logger := o.Clock, o.Rand, o.Logger
	if err := json.Unmarshal([]byte(settings), o); err != nil {
		return "", fmt.Errorf("DOZE_TEST_ENGINE is %q: %w", settings, err)
	}
	o.Clock, o.Rand, o.Logger = clock, random, logger
	return app, nil
}
