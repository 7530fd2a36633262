package acks

import (
	"encoding/binary"
	"io"
)

// An ack id is a number that every client can hold, up to 2^53-1:
//
//	49 random bits   4 bits: p
//
// The question has 2^p parts, and a socket is in one by its name: so whoever has the id, and the name of a socket,
// knows where the question is and where its end goes, however many are asked.
const (
	idBits   = 53
	partBits = 4
)

// MaxID is the largest ack id. A greater one is none of NewID's.
const MaxID = 1<<idBits - 1

// PartSockets is how many sockets are in one part of a question, on average and at most: so the part is a row of about
// 1 KB, and its ends come to so many rows with one key.
const PartSockets = 64

// NewID returns an ack id for a question to so many sockets. Two million are what it has parts for: beyond, parts are
// larger.
func NewID(random io.Reader, sockets int) (int64, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0, err
	}
	p := 0
	for sockets > PartSockets<<p && p < 1<<partBits-1 {
		p++
	}
	return int64(binary.BigEndian.Uint64(b[:])>>(64-idBits+partBits))<<partBits | int64(p), nil
}

// Parts returns how many parts a question has.
func Parts(id int64) int { return 1 << (id & (1<<partBits - 1)) }

// Part returns the part of a question that a socket is in.
func Part(id int64, socket string) int {
	h := uint32(2166136261) // FNV-1a
	for i := range len(socket) {
		h = (h ^ uint32(socket[i])) * 16777619
	}
	return int(h % uint32(Parts(id)))
}

// Split returns the sockets of each part of a question.
func (q Question) Split() [][]string {
	parts := make([][]string, Parts(q.ID))
	for _, socket := range q.Sockets {
		i := Part(q.ID, socket)
		parts[i] = append(parts[i], socket)
	}
	return parts
}
