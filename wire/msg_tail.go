package wire

// TypeTail is the number of Tail.
const TypeTail Type = 43

// Tail asks for a room's runs in the order of their arrival at this peer. Answers: TailRuns, and TailMark at the end of the history and then from time to time.
type Tail struct {
	Room     ID
	Instance Bytes  // 16 bytes: the store After belongs to, or empty
	After    uint64 // arrival number; runs up to it are left out, if Instance is the peer's store
	Last     uint64 // of the history only the runs that hold the newest Last messages; 0: all of it
	Follow   bool   // go on with what arrives
}

// MessageType implements Message.
func (*Tail) MessageType() Type { return TypeTail }
