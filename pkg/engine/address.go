package engine

// ConnectionAddress returns the address of a connection, by the id that API Gateway gives it.
func ConnectionAddress(connection string) Address { return connectionAddress(connection) }

// Connection returns the id of the connection that an address is of. ok is false for a session that polls.
func (a Address) Connection() (id string, ok bool) { return a.connection() }

// Name returns what stands for an address in a log: the id of a connection, or a hash for a session that polls, whose
// sid is a secret.
func (a Address) Name() string { return a.LogValue().String() }
