package wire

// TypeWriter is the number of Writer.
const TypeWriter Type = 37

// Writer tells the head of a log as the peer holds it, durable or not yet.
type Writer struct {
	Digest Bytes  // 16 bytes, of the entries held
	Last   uint64 // 0: the log is not held
	Link   ID
	Clock  uint64    // the highest hybrid logical clock held in the room
	Refs   List[Ref] // newest runs of other logs, at most MaxRefs
}

// MessageType implements Message.
func (*Writer) MessageType() Type { return TypeWriter }

// A Ref names a message that its writer had seen.
type Ref struct {
	Log    ID
	Number uint64
}
