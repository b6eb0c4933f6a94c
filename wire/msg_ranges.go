package wire

// TypeRanges is the number of Ranges.
const TypeRanges Type = 70

// Ranges asks which parts of a set differ, given the asker's hashes.
type Ranges struct {
	Ref   uint64
	Set   uint64 // SetEntries, SetBoxes, SetLogs, SetProofs
	Nodes List[RangeNode]
}

// MessageType implements Message.
func (*Ranges) MessageType() Type { return TypeRanges }

// The sets of a room that are compared by range.
const (
	SetEntries = 1 // entry hashes
	SetBoxes   = 2 // box hashes
	SetLogs    = 3 // log heads
	SetProofs  = 4 // proofs of forks
)

// A RangeNode is one node of the tree over a set: the elements whose keys
// begin with Prefix.
type RangeNode struct {
	Prefix Bytes // one byte per level, each 0–15, most significant nibble first
	Hash   Bytes // 16 bytes
}
