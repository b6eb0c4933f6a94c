package wire

// TypeHeadsGet is the number of HeadsGet.
const TypeHeadsGet Type = 50

// HeadsGet asks for the last run of each log that an author has in a room, of those that count. Answer: TailRuns, the logs with the newest runs first, then the end
// of the stream.
type HeadsGet struct {
	Room   ID
	Author ID     // zero: of every author
	Most   uint64 // at most so many logs
}

// MessageType implements Message.
func (*HeadsGet) MessageType() Type { return TypeHeadsGet }
