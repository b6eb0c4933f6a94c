package wire

// TypeAppended is the number of Appended.
const TypeAppended Type = 39

// Appended says that a log is durable up to and including message Last.
type Appended struct {
	Log  ID
	Last uint64
	Link ID
}

// MessageType implements Message.
func (*Appended) MessageType() Type { return TypeAppended }
