package wire

// TypeAck is the number of Ack.
const TypeAck Type = 78

// Ack tells up to where logs are durable at the sender.
type Ack struct {
	Ref   uint64
	Marks List[Ref]
}

// MessageType implements Message.
func (*Ack) MessageType() Type { return TypeAck }
