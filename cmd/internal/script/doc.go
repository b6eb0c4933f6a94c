// Package script speaks Parley's protocol from the specification, step by step
// and byte by byte, as a test of a peer needs it: every message, record and
// frame can be had as bytes before it is sent, altered, held back, repeated or
// left out, and what the other side sends is checked against every rule that
// it must keep. It shares with the product the primitives below the protocol
// (package wire's encoding, wire/seal, identities) and none of the handshake,
// record and frame code that it is used to try.
package script
