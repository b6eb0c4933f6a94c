package wire

// TypeRecords is the number of Records.
const TypeRecords Type = 73

// Records carries entries or boxes, asked for or new.
type Records struct {
	Ref     uint64
	Set     uint64
	Records List[Bytes]
	Asked   bool // the answer to a Fetch
	More    bool // another frame of the same answer follows
}

// MessageType implements Message.
func (*Records) MessageType() Type { return TypeRecords }
