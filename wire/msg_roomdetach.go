package wire

// TypeRoomDetach is the number of RoomDetach.
const TypeRoomDetach Type = 31

// RoomDetach tells the peer to keep the room for this user no longer. Answer: Done.
type RoomDetach struct {
	Room   ID
	Forget bool // delete the room's data if no other user of the peer has it
}

// MessageType implements Message.
func (*RoomDetach) MessageType() Type { return TypeRoomDetach }
