package wire

// TypeState is the number of State.
const TypeState Type = 69

// State tells the digest of the sender's durable state of a room.
type State struct {
	Ref    uint64
	Digest Bytes // 16 bytes
}

// MessageType implements Message.
func (*State) MessageType() Type { return TypeState }
