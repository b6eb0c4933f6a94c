package wire

// TypePull is the number of Pull.
const TypePull Type = 76

// Pull opens a bulk stream and asks for runs on it. Answer: Runs in the order asked, ascending in each log, then the end of the stream.
type Pull struct {
	Ref   uint64
	Wants List[Want]
}

// MessageType implements Message.
func (*Pull) MessageType() Type { return TypePull }

// A Want is a part of a log: messages First to Last.
type Want struct {
	Log         ID
	First, Last uint64
}
