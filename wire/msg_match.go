package wire

// TypeMatch is the number of Match.
const TypeMatch Type = 65

// Match answers an Offer: which rooms the sender has too.
type Match struct {
	Known   List[uint64] // refs of rooms for which a delegation of the offerer is remembered
	States  Bytes        // 16 bytes for each of Known: the keyed state
	Unknown List[uint64] // refs of rooms whose delegation is to be presented
	Tags    Bytes        // 16 bytes for each of Unknown: the tag under the sender's own role
}

// MessageType implements Message.
func (*Match) MessageType() Type { return TypeMatch }
