package wire

// TypeSealedGet is the number of SealedGet.
const TypeSealedGet Type = 51

// SealedGet asks for whom the peer holds a box of an epoch. Answer: Sealed.
type SealedGet struct {
	Room  ID
	Epoch ID
}

// MessageType implements Message.
func (*SealedGet) MessageType() Type { return TypeSealedGet }
