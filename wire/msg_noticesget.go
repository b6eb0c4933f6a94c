package wire

// TypeNoticesGet is the number of NoticesGet.
const TypeNoticesGet Type = 48

// NoticesGet asks what happened to the user's own messages: which of them do not count any more, and why. Answers: Notices, one that may be empty at once, and with
// Follow one at every change. A notice is given again, in every answer to a new request, until it comes back in Seen.
type NoticesGet struct {
	Room   ID        // zero: all rooms that the peer keeps for the user
	Seen   List[Ref] // logs of which the user has taken note, each with Last of the notice; at most 256
	Follow bool
}

// MessageType implements Message.
func (*NoticesGet) MessageType() Type { return TypeNoticesGet }
