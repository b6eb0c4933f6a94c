package wire

// TypeSealed is the number of Sealed.
const TypeSealed Type = 52

// Sealed lists the recipients, ascending, for whom the peer holds a box of an epoch.
type Sealed struct {
	Recipients List[ID]
	More       bool // another frame of the same answer follows
}

// MessageType implements Message.
func (*Sealed) MessageType() Type { return TypeSealed }
