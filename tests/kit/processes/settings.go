package processes

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// Latency is what calls take longer than on this machine.
type Latency struct {
	Table   time.Duration // a request to the table
	Post    time.Duration // a call of @connections
	Send    time.Duration // a request to the queue
	Deliver time.Duration // from there to the function, at least
	Spread  time.Duration // and up to this much longer
	Invoke  time.Duration // from the gateway to a function
}

// Settings is what a function of a test is told besides a deployment's settings.
type Settings struct {
	App         string
	Engine      engine.Options
	OpenByQueue bool
	Latency     Latency
}

const settingsName = "DOZE_TEST_SETTINGS"

func (s Settings) encode() (string, error) {
	s.Engine.Clock, s.Engine.Rand, s.Engine.Logger = nil, nil, nil
	b, err := json.Marshal(s)
	return settingsName + "=" + string(b), err
}

// SettingsFromEnv reads what Start has written for its functions. Clock, Rand and Logger of the engine's options are
// nil.
func SettingsFromEnv() (s Settings, err error) {
	if err := json.Unmarshal([]byte(os.Getenv(settingsName)), &s); err != nil {
		return s, fmt.Errorf("%s is %q: %w", settingsName, os.Getenv(settingsName), err)
	}
	return s, nil
}
