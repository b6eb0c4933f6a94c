package wire

// TypePlaced is the number of Placed.
const TypePlaced Type = 42

// Placed tells on how many other peers' disks a message is known to be.
type Placed struct {
	On uint64
	Of uint64 // peers connected that have the room
}

// MessageType implements Message.
func (*Placed) MessageType() Type { return TypePlaced }
