package wire

// TypeTokenRevoke is the number of TokenRevoke.
const TypeTokenRevoke Type = 20

// TokenRevoke revokes a token of the user and ends the sessions that were opened with it. Answer: Done.
type TokenRevoke struct {
	ID Bytes // 16 bytes
}

// MessageType implements Message.
func (*TokenRevoke) MessageType() Type { return TypeTokenRevoke }
