package protocol

import "strconv"

// Open is the handshake of Engine.IO, the first packet of a session. On the
// wire it has these five keys and no other.
type Open struct {
	// SID is the session's id. Whoever knows it can act as the client.
	SID string `json:"sid"`

	// Upgrades lists the transports that the client may change to. It is never
	// null on the wire.
	Upgrades []string `json:"upgrades"`

	// PingInterval and PingTimeout are in milliseconds. The client gives up when
	// it sees no ping for their sum, which must fit 31 bits: JavaScript's timers
	// fire at once when asked for more.
	PingInterval int `json:"pingInterval"`
	PingTimeout  int `json:"pingTimeout"`

	// MaxPayload is how many bytes a client should put into one polling request.
	// A single larger packet is sent all the same.
	MaxPayload int `json:"maxPayload"`
}

// Packet returns the packet that carries the handshake.
func (o Open) Packet() EnginePacket {
	data := make([]byte, 0, 128)
	data = appendString(append(data, `{"sid":`...), o.SID)
	data = append(data, `,"upgrades":[`...)
	for i, name := range o.Upgrades {
		if i > 0 {
			data = append(data, ',')
		}
		data = appendString(data, name)
	}
	data = strconv.AppendInt(append(data, `],"pingInterval":`...), int64(o.PingInterval), 10)
	data = strconv.AppendInt(append(data, `,"pingTimeout":`...), int64(o.PingTimeout), 10)
	data = strconv.AppendInt(append(data, `,"maxPayload":`...), int64(o.MaxPayload), 10)
	return EnginePacket{Type: EngineOpen, Data: append(data, '}')}
}
