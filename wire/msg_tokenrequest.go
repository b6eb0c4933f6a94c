package wire

// TypeTokenRequest is the number of TokenRequest.
const TypeTokenRequest Type = 16

// TokenRequest asks the peer for a token, by which later sessions prove the user without a signature. Answer: TokenGrant.
type TokenRequest struct{}

// MessageType implements Message.
func (*TokenRequest) MessageType() Type { return TypeTokenRequest }
