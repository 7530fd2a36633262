// Package runtimeapi runs Lambda functions as what they are when deployed: a program named bootstrap that asks the
// Lambda Runtime API for its invocations (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), in as many
// copies as there are invocations at once.
//
//	f, err := runtimeapi.New(runtimeapi.Options{Binary: "build/message/bootstrap", Env: []string{"TABLE=chat"}})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer f.Close(context.Background())
//	answer, err := f.Invoke(ctx, event)
//
// A Function is a handler for the local API Gateway of the folder above, and for anything else that calls functions.
//
// # What is faithful
//
//   - A copy handles one invocation at a time. When all are busy another is started, whose start the caller waits for.
//   - Between two invocations a copy is frozen (SIGSTOP), with everything that it has begun: as soon as the runtime and
//     all extensions have asked for the next one, and not before. It is thawed for its next invocation, and only for
//     that.
//   - The caller has the answer when the runtime posts it, while extensions may go on (the Extensions API,
//     https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html, for internal extensions: those within
//     the process).
//   - An invocation whose time is over ends its copy with SIGKILL, extensions included, and so does a process that
//     exits end its invocation.
//   - The environment is Lambda's, and nothing of this process's own.
//   - At the end a process with extensions gets SIGTERM and half a second; without any it is killed.
//
// # What is not
//
// Memory and processor time are not limited, files are the machine's, responses are not streamed, and there are no
// external extensions, telemetry or layers. A copy without work stays until Close.
package runtimeapi
