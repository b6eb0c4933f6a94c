package wire

// TypeTokenGrant is the number of TokenGrant.
const TypeTokenGrant Type = 17

// TokenGrant carries a new token. The 32-byte key is sealed by HPKE to the user's sealing key, with info "token" ‖ peer ID ‖ token ID (length-prefixed fields).
type TokenGrant struct {
	ID      Bytes  // 16 bytes
	Expires uint64 // Unix seconds
	Scope   string // "user": everything this user may do
	Sealed  Bytes  // HPKE ciphertext of the key
}

// MessageType implements Message.
func (*TokenGrant) MessageType() Type { return TypeTokenGrant }
