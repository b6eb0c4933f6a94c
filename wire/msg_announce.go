package wire

// TypeAnnounce is the number of Announce.
const TypeAnnounce Type = 74

// Announce tells log heads that the receiver is not known to have.
type Announce struct {
	Ref   uint64
	Heads List[Head]
}

// MessageType implements Message.
func (*Announce) MessageType() Type { return TypeAnnounce }
