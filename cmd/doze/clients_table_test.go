//go:build full

package main

import (
	"testing"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
)

// TestCommandsReachATable runs the commands beside a deployment on dynalite, by flags and by the environment.
func TestCommandsReachATable(t *testing.T) {
	endpoint, stop, err := dynalite.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"DOZE_TABLE": "", "DOZE_CONNECTIONS": "", "DOZE_QUEUE": ""} {
		t.Setenv(name, value)
	}
	for _, table := range []string{"flags", "environment"} {
		t.Run(table, func(t *testing.T) {
			client := dynalite.Client(endpoint)
			if err := dynamo.CreateTable(t.Context(), client, table); err != nil {
				t.Fatal(err)
			}
			store := dynamo.New(client, table, nil)
			io, left := visited()
			s := serving(t, devserver.Options{Wrap: func(b socketio.Backend) socketio.Backend {
				b.Sessions, b.Rooms = store, store
				return b
			}}, io)
			if table == "flags" {
				at := []string{"-table", table, "-connections", s.URL + "/local", "-queue", s.URL + "/_queue", "-endpoint", endpoint}
				testLooking(t, s.URL, left, at...)
				testCommands(t, left, at...)
				testDraining(t, s.URL, at...)
				return
			}
			t.Setenv("DOZE_TABLE", table)
			t.Setenv("DOZE_CONNECTIONS", s.URL+"/local/")
			t.Setenv("DOZE_QUEUE", s.URL+"/_queue")
			t.Setenv("AWS_ENDPOINT_URL", endpoint)
			testCommands(t, left)
		})
	}
}
