// Package rooms knows which socket is where, and turns "everyone in room R except X" into deliveries to sockets that
// other invocations have accepted. A socket is an id and an address; what an address means is for the caller to know.
package rooms
