package wire

// TypeStatusGet is the number of StatusGet.
const TypeStatusGet Type = 22

// StatusGet asks how the peer is. Answer: Status.
type StatusGet struct{}

// MessageType implements Message.
func (*StatusGet) MessageType() Type { return TypeStatusGet }
