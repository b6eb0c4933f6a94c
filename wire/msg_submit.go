package wire

// TypeSubmit is the number of Submit.
const TypeSubmit Type = 30

// Submit hands the peer records of a room: it checks, stores and forwards them. With a delegation the peer also takes the room up for this user; with addresses it dials them to find the room. Answer: Done, when durable.
type Submit struct {
	Room       ID
	Delegation Bytes        // may be empty
	Join       Bytes        // the join entry of the delegation's member, if it is no founder and the peer may lack it; may be empty
	Addresses  List[string] // host:port
	Entries    List[Bytes]
	Boxes      List[Bytes]
}

// MessageType implements Message.
func (*Submit) MessageType() Type { return TypeSubmit }
