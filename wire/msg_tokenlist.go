package wire

// TypeTokenList is the number of TokenList.
const TypeTokenList Type = 18

// TokenList asks for the user's live tokens. Answer: Tokens.
type TokenList struct{}

// MessageType implements Message.
func (*TokenList) MessageType() Type { return TypeTokenList }
