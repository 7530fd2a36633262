package processes

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// What a test says reaches its functions, which are processes of their own.
func TestSettingsComeBackAsTheyWere(t *testing.T) {
	want := Settings{App: "client", Engine: engine.Options{PingInterval: 7 * time.Second, Transports: []string{"polling"}, NoUpgrades: true}}
	text, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	name, value, _ := strings.Cut(text, "=")
	t.Setenv(name, value)
	if got, err := SettingsFromEnv(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
}
