package wire

// TypeVerified is the number of Verified.
const TypeVerified Type = 47

// Verified tells the outcome of a comparison, and what is wrong in the room here.
type Verified struct {
	Messages uint64 // held here
	Digest   Bytes  // 16 bytes: the state of the room here
	Peers    List[VerifiedPeer]
	Forks    List[ID] // logs with a proof of a fork
}

// MessageType implements Message.
func (*Verified) MessageType() Type { return TypeVerified }

// VerifiedPeer is the comparison with one peer.
type VerifiedPeer struct {
	Peer      ID
	Name      string
	Identical bool
	Holes     List[Hole]
	Problem   string // why it could not be compared; empty: it was
}

// A Hole is a range of messages that one side lacks, or where both differ.
type Hole struct {
	Log         ID
	First, Last uint64
	Side        string // "here": missing here; "there": missing there; "differs": same numbers, another link
}
