// Package seal is the protocol's authenticated encryption: AES-256-CBC with
// PKCS#7 padding, then HMAC-SHA-256 over the ciphertext (encrypt-then-MAC).
// Records, the sealed parts of the handshake and the bodies of messages all
// use it, each with keys of its own; no key is ever used for two purposes.
//
// # Encryption
//
// AES-256-CBC is that of NIST SP 800-38A section 6.2. The plaintext of n bytes
// is padded by PKCS#7 (RFC 5652 section 6.3): p = 16 - n mod 16 bytes of value
// p, so 1 to 16 of them, always. The ciphertext has as many bytes as the padded
// plaintext. The tag is the whole HMAC-SHA-256 (RFC 2104, FIPS 198-1), 32
// bytes, not truncated. The sealed form is ciphertext ‖ tag.
//
// A receiver must compare the tag, in constant time, before it decrypts a
// byte. Padding that is wrong under a good tag can only come from the holder of
// the key, and is refused with the same error.
//
// # Records
//
// The records of one direction of a session share three keys of 32 bytes: enc,
// mac and iv. A record's place is its generation g, a 64-bit number that counts
// the rekeyings of that direction from 0, and its counter c, a 64-bit number
// that counts the records under one generation's keys from 0. Neither is sent.
//
//	IV  = AES-256(iv, g ‖ c)                  one block, both numbers big-endian
//	tag = HMAC(mac, g ‖ c ‖ l ‖ ciphertext)   l: the record's length field, 4 bytes big-endian
//
// The length field counts ciphertext and tag. The IV is a block cipher's output
// on a nonce under a key of its own: unpredictable, as CBC needs (NIST SP
// 800-38A appendix C, first method). The numbers have fixed widths, so the
// tag's input cannot be read in two ways.
//
// # Messages
//
// What is sealed on its own (the handshake's parts, a message's body) has an
// explicit IV of 16 bytes, and associated data that names its place:
//
//	tag = HMAC(mac, ad ‖ IV ‖ ciphertext ‖ 8·len(ad))   the length in bits, 8 bytes big-endian
//
// This is the composition of RFC 7518 section 5.2.2.1 with separate keys and
// the whole tag. The IV must be unpredictable: random, or a block cipher's
// output as above.
package seal
