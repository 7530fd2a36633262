// Package bill measures what each operation costs: invocations, capacity of the table, posts and requests to the queue,
// against the ceilings that were set for it. A whole deployment runs in process, on dynalite, which counts capacity as
// DynamoDB does; its clock stands still, so that what is counted does not depend on the machine.
//
//	make bill # prints the table of docs/costs.md
package bill
