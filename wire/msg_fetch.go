package wire

// TypeFetch is the number of Fetch.
const TypeFetch Type = 72

// Fetch asks for records by their hashes. Answer: Records.
type Fetch struct {
	Ref uint64
	Set uint64 // SetEntries or SetBoxes
	IDs List[ID]
}

// MessageType implements Message.
func (*Fetch) MessageType() Type { return TypeFetch }
