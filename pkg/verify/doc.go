// Package verify asks a deployment of Doze, from outside, what it takes for granted of the platform below it: what
// docs/aws-facts.md has as open. It is what doze verify runs.
//
//	report, err := verify.Run(ctx, verify.Options{URL: "https://d111111abcdef8.cloudfront.net"})
//
// Each question is a function that looks at one fact and returns what it saw. The files ask_*.go hold them, one subject
// each, and questions.go lists them. A question that needs handlers uses those of the package counterpart, a namespace
// that a deployment has only where it was asked for.
package verify
