package wire

// TypeRooms is the number of Rooms.
const TypeRooms Type = 27

// Rooms lists rooms as the peer holds them.
type Rooms struct {
	Rooms List[RoomInfo]
}

// MessageType implements Message.
func (*Rooms) MessageType() Type { return TypeRooms }

// RoomInfo is what a peer holds of a room.
type RoomInfo struct {
	Room                           ID
	Open                           bool // an open room of the network
	Entries, Logs, Messages, Bytes uint64
	Peers                          uint64 // sessions that have the room
	InStep                         uint64 // of these, the ones known to hold the same
	Arrival                        uint64 // the newest arrival number
	LastReceived                   uint64 // Unix nanoseconds
}
