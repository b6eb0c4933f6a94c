package wire

// TypeSnapshot is the number of Snapshot.
const TypeSnapshot Type = 63

// Snapshot names the folder of a copy of the peer's store. The peer removes it when it is next started, if it is still there.
type Snapshot struct {
	Path string // on the peer's machine, absolute
}

// MessageType implements Message.
func (*Snapshot) MessageType() Type { return TypeSnapshot }
