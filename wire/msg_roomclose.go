package wire

// TypeRoomClose is the number of RoomClose.
const TypeRoomClose Type = 68

// RoomClose ends a room on this session.
type RoomClose struct {
	Ref  uint64
	Code Code
}

// MessageType implements Message.
func (*RoomClose) MessageType() Type { return TypeRoomClose }
