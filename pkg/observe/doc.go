// Package observe is what Doze tells of its own work: figures, which a Meter counts; spans, which a Tracer makes; and
// the id by which the log can be followed from a client's event to every post that it caused.
//
// Figures come into being where something happens, in the engine and in Socket.IO's layer above it, and go to a Meter,
// which decides what becomes of them: package emf writes them into the log of a Lambda function, doze dev serves them
// to Prometheus. Nothing is counted by a store, or read to be counted.
package observe
