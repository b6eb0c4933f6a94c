package wire

// TypeAuthority is the number of Authority.
const TypeAuthority Type = 33

// Authority carries entries and boxes. Digest is over all entries the peer holds (package rooms, "Users"); when it equals Known nothing else is sent.
type Authority struct {
	Digest  Bytes // 16 bytes
	Entries List[Bytes]
	Boxes   List[Bytes]
	More    bool // another frame of the same answer follows
}

// MessageType implements Message.
func (*Authority) MessageType() Type { return TypeAuthority }
