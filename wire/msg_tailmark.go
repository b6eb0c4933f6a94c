package wire

// TypeTailMark is the number of TailMark.
const TypeTailMark Type = 45

// TailMark marks a place: everything up to arrival number Arrival was sent.
type TailMark struct {
	Instance Bytes // 16 bytes
	Arrival  uint64
	Live     bool // the end of the history was reached
}

// MessageType implements Message.
func (*TailMark) MessageType() Type { return TypeTailMark }
