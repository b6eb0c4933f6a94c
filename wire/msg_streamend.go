package wire

// TypeStreamEnd is the number of StreamEnd.
const TypeStreamEnd Type = 5

// StreamEnd ends a stream. With CodeOK it ends the sender's direction, behind
// its last frame; with any other code it gives up both directions.
type StreamEnd struct {
	Stream uint32
	Code   Code
	Text   string // one line for the user, at most MaxText bytes; empty with CodeOK
}

// MessageType implements Message.
func (*StreamEnd) MessageType() Type { return TypeStreamEnd }
