package backend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/functions/backend"
	"github.com/dozeio/doze/pkg/apigw"
)

// sayVariable makes this program a function that has something to say.
const sayVariable = "TEST_OF_LOG"

// say lets the heartbeat function fail at a job, and another function at its start.
func say() {
	d, err := backend.FromEnv()
	if err != nil {
		backend.Exit(err)
	}
	d.Defaults.Logger.Debug("not at this level")
	e, err := app.New().Bind(d.Backend)
	if err != nil {
		backend.Exit(err)
	}
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
	if _, err := apigw.NewHeartbeat(e, nil).Invoke(ctx, []byte(`{"Records":[{"messageId":"m","body":"`+os.Getenv(sayVariable)+`"}]}`)); err != nil {
		backend.Exit(err)
	}
	backend.Exit(io.ErrUnexpectedEOF)
}

// TestLinesAreWhatLambdaExpects reads what a function writes, name by name: a name that comes twice is one too many.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
func TestLinesAreWhatLambdaExpects(t *testing.T) {
	lines := said(t, "no JSON")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2: %s", len(lines), lines)
	}
	for i, want := range [][]string{
		{"timestamp", "level", "message", "job", "body", "error", "trace", "requestId"},
		{"timestamp", "level", "message", "error"}, // before there is any request
	} {
		names, line := read(t, lines[i])
		if !slices.Equal(names, want) {
			t.Errorf("the names are %q, want %q: %s", names, want, lines[i])
		}
		if _, err := time.Parse(time.RFC3339Nano, line["timestamp"]); err != nil || line["level"] != slog.LevelError.String() || line["message"] == "" {
			t.Errorf("%s %v", lines[i], err)
		}
	}
}

// said returns what a function writes that gets a job.
func said(t *testing.T, job string, environment ...string) [][]byte {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), sayVariable+"="+job, "AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_LOG_LEVEL=INFO", // as LoggingConfig does
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "DOZE_TABLE=doze", "DOZE_CONNECTIONS=http://127.0.0.1:1/live", "DOZE_QUEUE=http://127.0.0.1:1/1/jobs")
	cmd.Env = append(cmd.Env, environment...)
	out, _ := cmd.Output() // it ends with 1, by Exit
	return bytes.Split(bytes.TrimSpace(out), []byte("\n"))
}

// TestMetricsAreInTheLogWhereTheyAreWanted gives a function a job that it does not know, but whose age it does.
func TestMetricsAreInTheLogWhereTheyAreWanted(t *testing.T) {
	const job = `{\"kind\":\"unknown\",\"due\":1}`
	for _, line := range said(t, job, "DOZE_METRICS=") {
		if bytes.Contains(line, []byte("_aws")) {
			t.Errorf("not wanted: %s", line)
		}
	}
	lines := slices.DeleteFunc(said(t, job, "DOZE_METRICS=chat"), func(line []byte) bool { return !bytes.Contains(line, []byte(`"_aws":{"Timestamp":`)) })
	if len(lines) != 1 || !bytes.Contains(lines[0], []byte(`"Stack":"chat","QueueAge":`)) {
		t.Errorf("want one line of metrics: %s", lines)
	}
}

// read returns the names of a line in their order, and its values, all of which are text.
func read(t *testing.T, line []byte) (names []string, values map[string]string) {
	t.Helper()
	if err := json.Unmarshal(line, &values); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	for d, i := json.NewDecoder(bytes.NewReader(line)), -1; ; i++ {
		token, err := d.Token()
		if err == io.EOF {
			return names, values
		} else if err != nil {
			t.Fatal(err)
		}
		if name, ok := token.(string); ok && i%2 == 0 {
			names = append(names, name)
		}
	}
}
