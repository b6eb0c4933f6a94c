package wire

// TypeStatus is the number of Status.
const TypeStatus Type = 23

// Status tells how the peer is.
type Status struct {
	Peer                   ID
	Name                   string
	Network                string
	Secret                 bool // the network has a secret
	Software               string
	Address                string       // where it listens
	Addresses              List[string] // host:port at which others may reach it, to put in an invite
	Store                  string       // "embedded"
	Started                uint64       // Unix nanoseconds
	Rooms, Sessions, Users uint64       // now
	Messages               uint64       // runs' messages stored since the start
	DiskBytes, MemoryBytes uint64
	Commits, Syncs         uint64 // of the store since the start
	QueuedBytes            uint64 // waiting to be made durable
	Sent, Received         uint64 // bytes over all sessions since the start
	Goroutines             uint64
	Counters               List[Counter] // everything else worth counting
}

// MessageType implements Message.
func (*Status) MessageType() Type { return TypeStatus }

// A Counter is a named count since the peer's start.
type Counter struct {
	Name  string
	Value uint64
}
