//go:build full

package main

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/dozeio/doze/tests/kit/ministack"
)

// onMiniStack starts MiniStack until the end of a test, and returns where it is, and how it is asked: as the environment
// says, which the commands read, too.
func onMiniStack(t *testing.T) (endpoint string, cfg aws.Config) {
	t.Helper()
	endpoint, stop, err := ministack.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"} {
		t.Setenv(name, value)
	}
	if cfg, err = config.LoadDefaultConfig(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg.BaseEndpoint = aws.String(endpoint)
	return endpoint, cfg
}
