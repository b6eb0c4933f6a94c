package wire

// TypeNotices is the number of Notices.
const TypeNotices Type = 49

// Notices tells a user about own messages that stopped counting, or count again.
type Notices struct {
	Notices List[Notice]
}

// MessageType implements Message.
func (*Notices) MessageType() Type { return TypeNotices }

// A Notice is about messages of one log of the user's. There is at most one for a log: the newest.
type Notice struct {
	Room, Log   ID
	First, Last uint64
	Counts      bool   // they count again; false: they do not any more
	Reason      uint64 // number of the reason (package rooms); 0 if they count
	Text        string // the reason in words
}
