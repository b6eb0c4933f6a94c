package wire

// TypeWriterGet is the number of WriterGet.
const TypeWriterGet Type = 36

// WriterGet asks what is needed to write: the head of a log and what to refer to. Answer: Writer.
type WriterGet struct {
	Room  ID
	Log   ID    // zero: a log yet to be started
	Known Bytes // 16 bytes: digest of the entries the user has, or empty
}

// MessageType implements Message.
func (*WriterGet) MessageType() Type { return TypeWriterGet }
