// Package session is one authenticated connection between two Parley
// programs: sealed records, frames of messages in them, streams with credit,
// liveness, rekeying and the end. A handshake (package handshake) comes before
// it and gives it its keys.
//
// This page is the specification of that part of the protocol. The words must,
// must not and may are those of RFC 2119. Encodings are those of package wire.
// A side that finds a rule broken sends Close with the code that stands beside
// the rule, CodeProtocol where none does, and ends the session.
//
// # Records
//
// After the handshake's last byte each direction of the connection is a
// sequence of records and nothing else:
//
//	length      4 bytes big-endian: of ciphertext and tag together
//	ciphertext  a multiple of 16 bytes, at least 16
//	tag         32 bytes
//
// They are sealed and opened as package wire/seal says ("Records"), under the
// keys enc, mac and iv of the direction (handshake.Result) and the pair
// (generation, counter), which begins at (0, 0) in each direction. The length is
// at least 48 and at most 65,532, so that a whole record has at most
// wire.MaxRecord = 64 KiB; it is checked when its four bytes are there, before
// anything is allocated (over the bound: CodeTooLarge). A record thus carries
// at most MaxPlaintext = 65,487 bytes. A tag that does not verify ends the
// session; nothing of such a record is used.
//
// The counter goes up by one with each record, and is never sent: a record
// replayed, left out, or taken from another place or direction does not verify.
//
// # Rekeying
//
// A record with an empty plaintext (length 48) is the last of its generation.
// Behind it, in its direction, generation goes up by one, the counter starts at
// 0, and the keys are
//
//	enc'  = HKDF-Expand(next, field("enc"), 32)
//	mac'  = HKDF-Expand(next, field("mac"), 32)
//	iv'   = HKDF-Expand(next, field("iv"), 32)
//	next' = HKDF-Expand(next, field("next"), 32)
//
// with HKDF-SHA-256 (RFC 5869 section 2.3), next the direction's chain secret
// of the handshake's result or of the generation before, and field(x) the bytes
// of x after their length as 4 bytes big-endian. The old keys and the old next
// are wiped. Each direction rekeys on its own.
//
// Under one generation at most 2^20 records and 8 GiB, length fields counted,
// may be sealed, the empty record included; a receiver refuses more, and
// refuses a generation of nothing but the empty record.
//
// # Frames
//
// A record's plaintext is one or more fragments, whole, one after another. A
// fragment is a canonical array of one of three forms:
//
//	[type, stream, body]          a whole frame
//	[type, stream, chunk, total]  the first part of a frame whose body has total bytes
//	[stream, chunk]               a later part
//
// type is a number below 2^16, stream a number below 2^32, body and chunk byte
// strings of at least one byte, and total is greater than the first chunk's
// length. The frame is whole when its chunks have total bytes together; more is
// an error. The body is the message of the type (package wire).
//
// Each class of streams (below) has at most one unfinished frame in a
// direction: between its first and its last fragment no other frame of that
// class may begin or go on, while those of other classes may. Frames of stream
// 0 are never fragmented.
//
// A receiver checks, in this order, before it stores or parses the body: that
// the type is known, or optional; that it may be received in this phase and
// direction; that types below wire.FirstStreamType are on stream 0 and the
// others are not; that the body (or total) is within the type's bound
// (CodeTooLarge); that the stream may carry it; that there is credit. An
// optional type that it does not know may have a body of up to wire.MaxFrame,
// is legal behind Hello in both directions on every stream, and is dropped; on a
// stream it uses credit as any other.
//
// A sender may put any number of fragments into a record and should fill
// records while it has more to send, but must not wait for more. It should send
// what is ready in the order of classes: stream 0, interactive, live, bulk.
// Because each record is chosen when the one before it has gone, a live message
// waits for at most one record of bulk.
//
// # Hello
//
// The first frame in each direction is a Hello on stream 0, sent without
// waiting for the other's. Before a side has received the other's Hello it must
// send nothing else but Close. Exactly one side may be a user; a session of two
// users ends. From then on the rows of the registry (wire.Row) say what may be
// received: from a user by a peer, from a peer by a user, or between peers. The
// exchange must be over within 5 s. A role that does not exist and a name of
// software of more than 64 bytes are refused.
//
// # Streams
//
// A stream carries messages in both directions. Its number tells who opened it
// and its class:
//
//	number = index·8 + opener·4 + class
//
// opener is 0 for the side that dialled (the handshake's initiator), 1 for the
// other; class is 1 interactive, 2 live, 3 bulk. The index counts the streams
// of that opener and class from 0. The first frame on the next number by its
// opener opens the stream; there is no other message for it. A frame on any
// other number that is not open is an error. Each side may have opened at most
// MaxStreams = 128 streams that are not over.
//
// StreamEnd with CodeOK ends its sender's direction: it follows the last frame,
// comes once, and the other direction goes on. StreamEnd with another code,
// alone or behind one with CodeOK while the other direction goes on, gives up
// both directions; CodeShutdown says that there is no interest any more. Its
// sender will send no more on the stream, even in the middle of a frame, and
// drops what still arrives. A side that receives such an end sends no more on
// the stream either, and answers with a StreamEnd of the same code, unless it
// has sent an end already. A stream is over when an end was sent and an end was
// received; its number is not used again. StreamEnd and Credit for a stream that
// is over are ignored, for one that was never opened they are an error.
//
// # Credit
//
// What a side has sent on a stream is the sum over its frames of FrameCost = 64
// and the body's bytes; the 64 count with the first fragment, the body with
// each. It must not exceed the stream's limit in that direction: at first
// 256 KiB for interactive and live streams and 1 MiB for bulk; later the
// largest Limit of the Credit frames received for the stream. Stream 0 needs no
// credit.
//
// A receiver must, as messages are taken by whoever reads the stream, raise the
// limit to the initial one above what is taken, in steps of its own choice but
// at the latest when a quarter of the initial one is due; and when it receives
// the first fragment of a frame, at least so far that the frame can be
// finished. Thus a sender never waits in the middle of a frame for another
// stream's reader, and what a receiver holds unread is bounded.
//
// A sender that has credit for the whole of its next frame, or for half of the
// initial limit, may begin it, and should not with less.
//
// # Pings
//
// A Pong answers a Ping with its number, ahead of everything else; of several
// unanswered Pings only the newest need be answered. This implementation looks
// each second whether any byte has arrived since the last look, pings when none
// has, and ends the session when two pings in a row brought nothing: a dead
// session is noticed within 4 s. While bytes arrive it pings each 10 s for the
// round-trip time.
//
// # The end
//
// Close is the last frame of its direction. Its receiver closes the connection;
// its sender goes on reading, and drops what it reads, until the connection is
// closed or a second has passed. CodeOK and CodeShutdown mean good order. A
// connection that ends without a Close was cut, by accident or by a third
// party, and is reported as such (ErrCut).
//
// # Tokens
//
// A peer's token for a user (wire.TokenGrant) is an ID of 16 and a key of 32
// random bytes, valid for 30 days at this peer alone. The key is sealed to the
// user's sealing key by HPKE with the info "token" ‖ peer ID ‖ token ID, each
// field after its length as 4 bytes big-endian. A later handshake proves the
// user by it (package handshake).
package session
