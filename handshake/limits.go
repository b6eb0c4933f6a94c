package handshake

import "time"

// What the protocol fixes.
const (
	// Version is the protocol's version, the first element of every message.
	Version = 1

	// MaxMessage is the longest message in bytes, its length field apart. The
	// three of this version take less than half; the rest leaves room for a
	// message of another version to be recognised as such.
	MaxMessage = 8 << 10

	// lengthSize is the size of the length field before each message.
	lengthSize = 4

	// The sizes in bytes of what the messages hold.
	shareSize   = 32   // X25519 (RFC 7748)
	kemKeySize  = 1184 // ML-KEM-768 encapsulation key (FIPS 203)
	kemTextSize = 1088 // ML-KEM-768 ciphertext
	randomSize  = 32
	macSize     = 32 // HMAC-SHA-256

	// TokenIDSize is the size of a token's ID in bytes.
	TokenIDSize = 16

	// proofSize is how many bytes a proof and its padding have together, so that
	// neither the length of a name nor the kind of proof shows in the length of a
	// message: the longest Ed25519 bundle (1,397), a signature (64), and at least
	// 256 of padding, so that the padding's header always has the same size.
	proofSize = 1728
)

// What this implementation chose.
const (
	// DefaultDeadline is how long a handshake may take in all: three messages on
	// a slow wireless network, with the retransmission of a packet or two.
	DefaultDeadline = 5 * time.Second

	// MaxHalfOpen bounds the handshakes in progress on one listener. Each takes
	// less than 64 KiB (ephemeral keys, one message, a goroutine), so that a
	// flood costs at most 32 MiB.
	MaxHalfOpen = 512

	// MaxHalfOpenPerSource bounds those from one address: a host behind which a
	// few dozen users start at once gets in, one that opens connections and says
	// nothing does not shut out the others.
	MaxHalfOpenPerSource = 64

	// refusalTime is how long the refusal may take to be written: it fits in any
	// send buffer, unless the other side has stopped reading.
	refusalTime = 500 * time.Millisecond
)
