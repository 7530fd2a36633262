// Package acks is how a server gets to know what clients answer: a question is a row, and so is the end that it comes
// to for each socket that was asked. Whoever gets an answer, in whatever process, finds the question by its ack id.
//
// The contract is [Store]. This package holds no state, and imports nothing of Doze.
package acks

import (
	"context"
	"time"
)

// Store keeps questions and their ends. It is written for a database with conditional writes of single items and
// queries of one partition, and without transactions. Every method may be called by any number of processes at once,
// and again after an error: a call that had in fact been written recognises its own success.
//
// An error with a method Temporary() bool that returns true is worth a retry. A row whose Expires has passed is absent
// to every method, whether or not the store has deleted it. A question whose ends are all Done may be absent a minute
// later already.
type Store interface {
	// Ask writes a question with its sockets. The ID is one of NewID that was not used before.
	Ask(ctx context.Context, q Question) error

	// Answer ends a question for one socket with what its client has answered, in Data and Buffers of e. It returns the
	// question, without its Sockets, and whether this is how it has ended, now or by an earlier call with the same Op.
	// The first end of a socket stands. Nothing is written, and the Question is zero, when there is no such question or
	// when it did not ask this socket; and nothing is written when its Until has passed.
	Answer(ctx context.Context, id int64, e End) (Question, bool, error)

	// End ends a question for one of the sockets that it has asked, which the caller has read, at any time. It reports
	// what Answer does.
	End(ctx context.Context, id int64, e End) (bool, error)

	// Retake gives an end that is not done, and that still has the operation before, another operation and another
	// time. It reports whether it has them, now or by an earlier call with the same op.
	Retake(ctx context.Context, id int64, socket, before, op string, at time.Time) (bool, error)

	// Done notes that nothing more is to be done about an end, if its operation is still op, and drops its Data and
	// Buffers.
	Done(ctx context.Context, id int64, socket, op string) error

	// Read returns one part of a question, from 0 to Parts(id)-1: with the sockets of that part, and how it has ended
	// for them so far, in any order. The Question is zero when there is none. With strong false both may be some time
	// old, at half the price.
	Read(ctx context.Context, id int64, part int, strong bool) (Question, []End, error)
}

// Question is what some sockets are asked.
type Question struct {
	ID      int64     // the ack id
	Name    string    // of what takes the answers; "" when the one who asks waits for them
	State   []byte    // what it gets besides
	Sockets []string  // ids of those who are asked
	Until   time.Time // an answer that comes later counts for nothing
	Expires time.Time // of the question's rows
}

// End is how a question has ended for one socket.
type End struct {
	Socket  string
	Op      string    // of who has ended it, a random text
	At      time.Time // when
	Missed  Missed    // why there is no answer, "" when there is one
	Data    []byte    // the answer: a JSON array of arguments
	Buffers [][]byte  // their binary, in order
	Done    bool      // nothing more is to be done about it
	Expires time.Time // of the row; Answer sets it to the question's
}

// Missed is why there is no answer.
type Missed string

// Why there is no answer.
const (
	Late Missed = "late" // the time was over
	Left Missed = "left" // the socket is disconnected
)
