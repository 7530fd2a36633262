//go:build full

package dynamo_test

const serveVariable = "DOZE_TEST_SERVE"

func serveCalls(string) {}
