package wire

// TypeTokens is the number of Tokens.
const TypeTokens Type = 19

// Tokens lists the live tokens of the user.
type Tokens struct {
	Tokens List[TokenInfo]
}

// MessageType implements Message.
func (*Tokens) MessageType() Type { return TypeTokens }

// TokenInfo describes one live token.
type TokenInfo struct {
	ID                        Bytes  // 16 bytes
	Issued, Expires, LastUsed uint64 // Unix seconds; LastUsed 0: never
	Scope                     string
	Current                   bool // the session asked on was opened with it
}
