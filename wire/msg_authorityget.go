package wire

// TypeAuthorityGet is the number of AuthorityGet.
const TypeAuthorityGet Type = 32

// AuthorityGet asks for a room's entries and the boxes sealed to the user or to Link. Answer: Authority frames, and with Follow more as they come.
type AuthorityGet struct {
	Room      ID
	Known     Bytes // 16 bytes: the digest of the entries the user already has, or empty
	Recipient ID    // whose boxes; zero: the user's
	Follow    bool
}

// MessageType implements Message.
func (*AuthorityGet) MessageType() Type { return TypeAuthorityGet }
