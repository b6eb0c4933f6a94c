package wire

// TypeRangesReply is the number of RangesReply.
const TypeRangesReply Type = 71

// RangesReply answers Ranges: for each node that differs its sixteen children's hashes, or its elements when they are few.
type RangesReply struct {
	Ref      uint64
	Set      uint64
	Children List[RangeNode] // hashes of the children of nodes that differ and have many elements
	Leaves   List[Bytes]     // prefixes of the nodes that differ and whose elements are all listed
	Keys     List[ID]        // their elements, for SetEntries and SetBoxes
	Heads    List[Head]      // their elements, for SetLogs
}

// MessageType implements Message.
func (*RangesReply) MessageType() Type { return TypeRangesReply }

// A Head is what a peer has of a log: everything from Floor+1 to Last.
type Head struct {
	Log         ID
	Floor, Last uint64
	Link        ID // of the run that ends with Last
}
