package wire

// TypeRoomWatch is the number of RoomWatch.
const TypeRoomWatch Type = 34

// RoomWatch asks how far a room is in step. Answers: RoomProgress, at once and at every change, until the stream ends.
type RoomWatch struct {
	Room ID
}

// MessageType implements Message.
func (*RoomWatch) MessageType() Type { return TypeRoomWatch }
