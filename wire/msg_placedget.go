package wire

// TypePlacedGet is the number of PlacedGet.
const TypePlacedGet Type = 41

// PlacedGet asks on how many other peers' disks a message is, waiting up to Wait for Replicas of them. Answer: Placed.
type PlacedGet struct {
	Room     ID
	Log      ID
	Number   uint64
	Replicas uint64 // 0: all that are connected and have the room
	Wait     uint64 // milliseconds
}

// MessageType implements Message.
func (*PlacedGet) MessageType() Type { return TypePlacedGet }
