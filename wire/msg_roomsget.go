package wire

// TypeRoomsGet is the number of RoomsGet.
const TypeRoomsGet Type = 26

// RoomsGet asks for the user's rooms at this peer, or one of them. Answer: Rooms.
type RoomsGet struct {
	Room ID // zero: all
}

// MessageType implements Message.
func (*RoomsGet) MessageType() Type { return TypeRoomsGet }
