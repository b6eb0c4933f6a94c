// Package handshake opens a connection: three messages after which both sides
// know who the other is and share keys that nobody else has. It is SIGMA-I with
// a hybrid, post-quantum key exchange: as pure state machines over bytes
// (Initiator, Responder), and as a thin driver of them over a net.Conn (Initiate,
// Respond). Gate bounds how many are in progress.
//
// This text is the protocol's specification; H, Sign, IDs and the canonical
// encoding are those of package wire, bundles, PSK and Key those of package
// identity, sealing that of package seal ("Messages"). The vectors in
// testdata/handshake show every value of it.
//
// # Suite
//
// There is one, and nothing is negotiated: X25519 (RFC 7748), ML-KEM-768 (FIPS
// 203), HKDF-SHA-256 (RFC 5869), HMAC-SHA-256, AES-256-CBC, and the signatures of
// package identity. Another suite would be another version.
//
// # Notation
//
//	T(a, b, …)        SHA-256 over the fields, each after its length as 4 bytes big-endian
//	HMAC(k, a, b, …)  HMAC-SHA-256 under k over the same
//	Extract(salt, x)  HKDF-SHA-256 Extract
//	Expand(k, a, …)   HKDF-SHA-256 Expand of k to 32 bytes; the info is the fields, each
//	                  after its length as 4 bytes big-endian
//	0^n               n zero bytes
//
// I is the initiator, who dialled, R the responder. Texts in quotes are ASCII.
//
// # Messages
//
// On a stream connection each message is its length as 4 bytes big-endian, 1 to
// MaxMessage (8,192), followed by a canonical array. Its first element is the
// version, 1. A receiver must check the length before it allocates, and the
// version before it looks at anything behind it. Sizes are exact; byte strings
// are bin. The length is no part of the message: what is hashed of a message
// begins with its array.
//
//	message 1, I to R, 1,291 bytes    [1, shareI 32, kemI 1184, randomI 32, mac 32]
//	message 2, R to I, 2,972 bytes    [1, shareR 32, ciphertext 1088, randomR 32, sealedR]
//	message 3, I to R, 1,813 bytes    [1, sealedI]
//	refusal, either way, 2 bytes      [0]
//
// # Message 1
//
//	shareI    X25519 public key of a pair made for this handshake
//	kemI      ML-KEM-768 encapsulation key of a pair made for this handshake
//	randomI   32 random bytes
//	mac       HMAC(Key("hello"), the message's bytes before this element)
//	th1     = T("th", message 1)
//
// R must check mac in constant time before it parses a key or computes anything
// else. While mac has not been found right R must close the connection without
// sending a byte: a dialler that does not know the network's secret costs one
// HMAC, and learns nothing. (On a network without a secret the key is public,
// and mac only sets apart networks of other names.) R then refuses a kemI that
// fails FIPS 203's modulus check, and an X25519 result of all zeros.
//
// # Message 2
//
// R makes an X25519 pair for this handshake and encapsulates to kemI.
//
//	clear     the bytes of message 2 before its last element
//	th2     = T(th1, clear)
//	es      = Extract(H(Suite), mlkem_ss ‖ x25519_ss ‖ PSK)
//	k_R     = Expand(es, use, "R", th2) for the uses "enc", "mac", "iv", "fin"
//	k_I     = Expand(es, use, "I", th2) for the same uses
//	sealedR = seal of proofR: keys enc_R and mac_R, IV the first 16 bytes of iv_R (not sent), associated data th2
//	th3     = T(th2, sealedR)
//
// with the shared secrets of 32 bytes each and H(Suite) the hash of one field,
// the text
//
//	parley/1 X25519 ML-KEM-768 HKDF-SHA-256 AES-256-CBC HMAC-SHA-256
//
// A proof is the canonical array
//
//	[kind, who, evidence, confirmation 32, padding]
//
// and R's is always of kind 1, by signature:
//
//	kind          1
//	who           R's bundle
//	evidence      Sign("hs-R", th2, bundle) by R's identity
//	confirmation  HMAC(fin_R, th2, who, evidence)
//	padding       1,728 zero bytes less the bytes of who and evidence; none if they have more
//
// so that the message's length does not tell how long the name is. I refuses
// an X25519 result of all zeros, opens sealedR, checks padding, confirmation (in
// constant time), the bundle and the signature, and must refuse an R whose ID is
// its own, or is not the one that it meant to reach, if it meant one.
//
// # Message 3
//
//	sealedI = seal of proofI: keys enc_I and mac_I, IV the first 16 bytes of iv_I, associated data th3
//	th4     = T(th3, sealedI)
//
// By signature, proofI is
//
//	kind          1
//	who           I's bundle
//	evidence      Sign("hs-I", th3, bundle) by I's identity
//
// and by token, for a user to whom R has issued one,
//
//	kind          2
//	who           the token's ID, 16 bytes
//	evidence      HMAC(Expand(token key, "bind"), th3, ID of I, ID of R, the token's ID)
//
// with confirmation = HMAC(fin_I, th3, who, evidence) and padding as in message
// 2: neither name nor kind shows in the length. R checks the padding, the
// confirmation and the evidence, the user's ID and bundle being those for whom
// it issued the token, and must refuse an I with its own ID. R must not send
// anything under the session's keys before all of this holds.
//
// # Keys of the session
//
//	ms       = Extract(es, token key, or 0^32 without a token)
//	per direction d, "I" for what I sends and "R" for what R sends:
//	enc, mac, iv = Expand(ms, "enc" | "mac" | "iv", d, th4)   keys of the records
//	next     = Expand(ms, "next", d, th4)                      from which their successors are derived
//	exporter = Expand(ms, "exporter", "", th4)
//
// The token's key enters every key of the session, so each record's tag goes on
// proving that the user has it.
//
// # States
//
//	I  0  send message 1                                        → 1
//	I  1  message 2 good: send message 3, session begins         → done
//	I  1  message 2 bad: send refusal, close                     → failed
//	R  0  message 1 good, mac included: send message 2           → 1
//	R  0  message 1 bad: close, sending nothing                  → failed
//	R  0  the mac was right, a key share is bad: refusal, close  → failed
//	R  1  message 3 good: session begins                         → done
//	R  1  message 3 bad: send refusal, close                     → failed
//	any   refusal received, time out, end of connection: close   → failed
//
// The refusal never says why. I may meet it, behind message 3, where it expects
// the first record; no record is that short. Nothing is retried on a connection.
// A side gives the whole handshake at most 5 seconds, ephemeral private keys
// serve one handshake and are dropped with it, and what is compared with a
// secret is compared in constant time.
//
// # What holds
//
// An active attacker without the identities' keys learns neither identity
// (message 1 names nobody; R's name is sealed to whoever sent message 1, who on
// a network with a secret must know that; I's only to an R that has proved
// itself); cannot make either side accept it or take one identity for another,
// with either side's own key in hand neither, since each signs a transcript that
// holds both shares, and confirms its identity under a key of this exchange;
// cannot replay or reflect, since each side's share is fresh and the directions'
// labels differ. Recorded sessions stay closed when long-term keys, the
// network's secret or tokens leak later, or when only one of X25519 and ML-KEM
// is broken. A stolen token lets the thief act as its user towards the peer that
// issued it until it is revoked, and no more: R signs in every handshake.
package handshake
