package wire

// TypeSnapshotGet is the number of SnapshotGet.
const TypeSnapshotGet Type = 62

// SnapshotGet asks the peer for a copy of its store as it is now, in a folder on its own disk, which the user's process then
// reads and removes. A peer gives it to users of its own home only. Answer: Snapshot.
type SnapshotGet struct{}

// MessageType implements Message.
func (*SnapshotGet) MessageType() Type { return TypeSnapshotGet }
