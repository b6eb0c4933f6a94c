package wire

// TypeRoomProgress is the number of RoomProgress.
const TypeRoomProgress Type = 35

// RoomProgress tells how far a room is in step.
type RoomProgress struct {
	Entries, Messages uint64 // held, durably
	Missing           uint64 // messages known to exist and not yet held
	Peers             uint64 // sessions that have the room
	InStep            uint64 // of these, the ones known to hold the same
}

// MessageType implements Message.
func (*RoomProgress) MessageType() Type { return TypeRoomProgress }
