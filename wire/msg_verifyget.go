package wire

// TypeVerifyGet is the number of VerifyGet.
const TypeVerifyGet Type = 46

// VerifyGet asks the peer to compare a room with one peer, or with all that are connected. Answer: Verified.
type VerifyGet struct {
	Room ID
	Peer ID // zero: all
}

// MessageType implements Message.
func (*VerifyGet) MessageType() Type { return TypeVerifyGet }
