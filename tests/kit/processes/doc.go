// Package processes runs a whole deployment as it is on AWS: every function a program of its own in several copies,
// behind the local API Gateway, with nothing in common but a DynamoDB table and the gateway's queue. Copies start when
// they are needed, are frozen between invocations, and can be killed at any instant.
//
//	d, err := processes.Start(ctx, processes.Options{App: "client"})
//	if err != nil {
//		return err
//	}
//	defer d.Close(ctx)
//	d.Message.Kill(rand.IntN) // say
//
// What the functions run is in the folder function.
package processes
