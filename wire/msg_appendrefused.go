package wire

// TypeAppendRefused is the number of AppendRefused.
const TypeAppendRefused Type = 40

// AppendRefused says that a run was not taken, and with what head the peer holds the log. What followed it in the same log was dropped.
type AppendRefused struct {
	Log   ID
	Code  Code
	Text  string
	First uint64 // of the refused run
	Last  uint64 // the head held
	Link  ID
}

// MessageType implements Message.
func (*AppendRefused) MessageType() Type { return TypeAppendRefused }
