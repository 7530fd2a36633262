// Package outgoing is what Doze sends to AWS: posts through the @connections API, and timers and jobs to SQS. What AWS
// sends to Doze is pkg/apigw's. Nothing in here needs Lambda, so that any program may send.
package outgoing
