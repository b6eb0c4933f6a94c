package wire

// TypeClose is the number of Close.
const TypeClose Type = 6

// Close ends the session. It is the last frame of its direction.
type Close struct {
	Code Code
	Text string // one line for the user, at most MaxText bytes
}

// MessageType implements Message.
func (*Close) MessageType() Type { return TypeClose }
