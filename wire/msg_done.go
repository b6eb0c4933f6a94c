package wire

// TypeDone is the number of Done.
const TypeDone Type = 21

// Done says that a request was carried out, durably where it changed anything.
type Done struct{}

// MessageType implements Message.
func (*Done) MessageType() Type { return TypeDone }
