package wire

// What the protocol fixes. Every peer enforces these on what it receives.
const (
	// MaxRecord is the largest record on the wire in bytes, length, ciphertext
	// and tag together: small enough that a live message waits for at most one.
	MaxRecord = 64 << 10

	// MaxFrame is the largest body of a frame in bytes. It is sent in fragments.
	MaxFrame = 1 << 20

	// MaxDepth is how deep arrays nest in a frame's body: a list of structures
	// that hold a list of structures, inside the message.
	MaxDepth = 6

	// MaxRun is the largest encoded run in bytes: one message at MaxMessage, or
	// 64 KiB of small ones, and the run's own fields.
	MaxRun = MaxFrame - 4096

	// MaxRunsPerFrame bounds the runs in one frame: the smallest run takes more
	// than 256 bytes, so a frame of MaxFrame cannot hold more.
	MaxRunsPerFrame = MaxFrame / 256

	// MaxRefs is how many messages of other logs a run refers to.
	MaxRefs = 3

	// MaxSoftware is the longest name and version in a Hello, in bytes.
	MaxSoftware = 64

	// MaxText is the longest text beside an error code, in bytes: a line or two.
	MaxText = 256

	// FirstStreamType is the first number of the message types that streams
	// carry; those below are the session's own, on stream 0.
	FirstStreamType Type = 16

	// FirstOptional is the first number of the message types that a receiver
	// that does not know them skips.
	FirstOptional Type = 0x4000
)

// The bounds of message bodies in bytes, used in the registry.
const (
	boundTiny   = 512      // a fixed handful of IDs and numbers
	boundRecord = 16 << 10 // one record of a few signed parts
	boundMiB    = MaxFrame // lists, which their senders cut into frames
)
