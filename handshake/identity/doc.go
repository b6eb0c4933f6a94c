// Package identity holds the long-term keys of users and peers: IDs,
// signatures, sealing, bundles, fingerprints, the files that keep them, and the
// secrets of networks. It is part of the protocol's specification; hashes,
// Sign and the canonical encoding are those of package wire, where ‖ is
// concatenation.
//
// # Keys and IDs
//
// An identity is a signing key. A public key is written as an algorithm byte
// and the key:
//
//	1  Ed25519 (RFC 8032)              33 bytes, signatures of 64
//	2  ECDSA P-256 with low s          reserved
//	3  RSA-PSS                         reserved
//
// A receiver must refuse other algorithms, the reserved ones too, and other
// lengths. The ID is SHA-256(algorithm ‖ key), without length prefixes. It
// never changes.
//
// A signature is Sign(context, fields) of package wire: over the bytes
// "parley/1/" ‖ context ‖ 0x00 ‖ SHA-256(fields, each after its length as 4
// bytes big-endian). For Ed25519 that is the message of pure Ed25519. Contexts
// never hold a zero byte, and each has one use:
//
//	bundle           a bundle (below)
//	hs-R, hs-I       the handshake's responder and initiator (package handshake)
//
// and those that package rooms lists.
//
// # Bundles
//
// A bundle is a signed record, the canonical array
//
//	[1, key, number, sealing, name, signature]
//
//	1          version
//	key        bin, the public key with its algorithm byte
//	number     from 1; of two bundles of one identity the higher number counts
//	sealing    bin of 1,216 bytes, the HPKE public key
//	name       str of at most 64 bytes; may be empty
//	signature  bin, Sign("bundle", the record's bytes before this element)
//
// of at most MaxBundle = 2,560 bytes. A name must not hold any of these code points:
// U+0000–001F, U+007F–009F, U+061C, U+200E, U+200F, U+2028–202E,
// U+2066–2069, U+FEFF, U+FFF9–FFFB. The list is closed: validity does not
// depend on a version of Unicode. A name is a claim, and anybody may claim any:
// it is shown with the first four characters of the ID's text form, name·fp4x.
//
// # Sealing
//
// What is sealed to an identity or to an invite link is HPKE (RFC 9180) in base
// mode, single-shot, with an empty associated data: KEM MLKEM768-X25519
// (0x647a), KDF HKDF-SHA-256 (0x0001), AEAD AES-256-GCM (0x0002). It is written
// as the encapsulated key (1,120 bytes) followed by the ciphertext and tag. The
// info of each use is given where the use is specified.
//
// RFC 9180 does not define that KEM. It is X-Wing (draft-connolly-cfrg-xwing-kem),
// as draft-ietf-hpke-pq puts it into HPKE. A private key is 32 bytes; with s =
// SHAKE256(private key, 96 bytes) it stands for the ML-KEM-768 pair of the seed
// s[0:64], which is d ‖ z of FIPS 203, and the X25519 private key s[64:96]. Then
//
//	public key        ML-KEM encapsulation key 1,184 ‖ X25519 public key 32
//	encapsulated key  ML-KEM ciphertext 1,088 ‖ X25519 public key of a fresh pair 32
//	shared secret     SHA3-256(ML-KEM's ‖ X25519's ‖ the fresh X25519 public key ‖
//	                  the recipient's X25519 public key ‖ 5c2e2f2f5e5c)
//
// and the shared secret goes into KeySchedule of RFC 9180 section 5.1, with
// suite_id "HPKE" ‖ 647a ‖ 0001 ‖ 0002. A key from a seed is HPKE's DeriveKeyPair
// of the seed, whose result is the private key
//
//	SHAKE256(seed ‖ "HPKE-v1" ‖ "KEM" ‖ 647a ‖ 000d ‖ "DeriveKeyPair" ‖ 0020, 32 bytes)
//
// # Fingerprints
//
// A fingerprint is 12 words of the English list of BIP-39 (2,048 words,
// numbered from 0): the ID's first 132 bits, most significant first, 11 bits a
// word. Two people compare them aloud.
//
// # Networks
//
// A network is a name (1 to 64 bytes, with the restrictions on names above, no
// white space at either end) and a secret of 32 random bytes, or none.
//
//	PSK       H("network", name, secret), with an empty field if there is none
//	Key(use)  HKDF-SHA-256-Expand(PSK, "parley/1/network/" ‖ use, 32 bytes)
//
// The uses are "hello" (message 1 of the handshake), "beacon" (package
// discovery) and "open" (open rooms, package rooms).
//
// A secret may be given as a passphrase of at least 10 bytes: it is scrypt (RFC
// 7914) of the passphrase in Unicode normalisation form C, with the salt
// H("network-passphrase", name), N = 32,768, r = 8, p = 3, 32 bytes. Who
// records a beacon can test guesses at home, so a random secret is better.
//
// A network file is text: a line with the name, and a line with either the
// secret in the text form of an ID (52 characters of base32), or "passphrase:"
// and the passphrase, or "open". White space around lines and around the
// passphrase, and empty lines, do not count.
//
// # Key files
//
// A key file is readable by its owner only (mode 0600) and is the canonical array
//
//	["parley key 1", algorithm, seed, sealing, number, name, [older …]]
//
// with the seed of RFC 8032, the HPKE private key (32 bytes), the number and
// name of the current bundle, which follows from them, and older HPKE private
// keys, newest first, to which something may still be sealed. With a passphrase this is
// the content of a file in the age format (age-encryption.org/v1) with one
// scrypt recipient, which the age tool can read as well. Key files are this
// implementation's own: they never cross the wire.
//
// Other files of a user are sealed under keys that follow from the seed
// (Private.FileKey), so that the passphrase keeps them too.
//
// Wiping keys from memory is best effort throughout: buffers that this package
// made are cleared, copies that the standard library or the collector made are
// out of its reach.
package identity
