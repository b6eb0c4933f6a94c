package wire

// TypeOpenRoom is the number of OpenRoom.
const TypeOpenRoom Type = 67

// OpenRoom presents the sender's right to sync a room, and its state.
type OpenRoom struct {
	Ref        uint64
	Delegation Bytes // empty: remembered by the receiver, or an open room
	Join       Bytes // join entry of the delegating member; may be empty
	Answer     bool  // sent in answer to the other side's OpenRoom
	State      Bytes // 16 bytes: the digest of the room's state, empty if the other's right is not checked yet
}

// MessageType implements Message.
func (*OpenRoom) MessageType() Type { return TypeOpenRoom }
