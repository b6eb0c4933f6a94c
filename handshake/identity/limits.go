package identity

// What the protocol fixes.
const (
	// MaxName is the longest display name in bytes: room for any person's name
	// in any script, and short enough for one line of a terminal.
	MaxName = 64

	// MaxNetworkName is the longest name of a network in bytes.
	MaxNetworkName = 64

	// MaxBundle is the longest encoded bundle in bytes. One with an Ed25519 key
	// takes at most 1,397; the rest is for the larger keys and signatures of the
	// algorithms whose numbers are reserved.
	MaxBundle = 2560

	// SealingKeySize is the size of a sealing public key in bytes: an ML-KEM-768
	// encapsulation key of 1,184 and an X25519 share of 32.
	SealingKeySize = 1216

	// SealOverhead is by how many bytes SealTo's output exceeds the plaintext: an
	// ML-KEM-768 ciphertext of 1,088, an X25519 share of 32, a GCM tag of 16.
	SealOverhead = 1088 + 32 + 16

	// FingerprintWords is how many words a fingerprint has, 11 bits each: 132
	// bits, out of reach of a search for a second key with the same words.
	FingerprintWords = 12

	// NetworkSecretSize is the size of a network's secret in bytes.
	NetworkSecretSize = 32

	// MinPassphrase is the shortest passphrase of a network in bytes. Whoever
	// hears a beacon can test guesses without anybody's help, at scrypt's price.
	MinPassphrase = 10

	// The cost of turning a network's passphrase into its secret: scrypt with 32
	// MiB (N·r·128 bytes), so that a small peer can pay it, three times over. It
	// is paid once: what is kept afterwards is the secret.
	networkScryptN = 1 << 15
	networkScryptR = 8
	networkScryptP = 3
)

// What this implementation chose.
const (
	// maxKeyFile bounds what Load reads: a key, its name, and age's armour of
	// them take less than 1 KiB.
	maxKeyFile = 4096

	// maxOlderKeys is how many older sealing keys an identity keeps: renewed once a
	// week, those of four months, which is long for a peer to stay away.
	maxOlderKeys = 16

	// keyFileWork is the logarithm of scrypt's N for a key file's passphrase,
	// age's own default: about a second and 256 MiB.
	keyFileWork = 18

	// maxKeyFileWork bounds what a key file may ask of its reader: a forged file
	// must not hang the program.
	maxKeyFileWork = 20

	// maxKnown is how many verified bundles a Known keeps at least (twice as many
	// at most): those of the sessions of a large peer, in 3 MiB.
	maxKnown = 1024

	// maxNetworkFile bounds what ParseNetworkFile accepts: two lines.
	maxNetworkFile = 4096
)
