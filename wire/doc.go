// Package wire is the lowest layer of the Parley protocol: IDs, the hash over
// fields, the canonical encoding, the message types with their bounds, and the
// error codes. It knows nothing of connections, rooms or keys.
//
// This text and those of the packages below are the protocol's specification,
// version 1. A reader who wants to implement it reads them in this order:
//
//   - wire: this page
//   - wire/seal: AES-256-CBC with HMAC-SHA-256, used by everything that is sealed
//   - handshake/identity: keys, bundles, signatures, network secrets
//   - handshake: the three messages that open a connection, and the key schedule
//   - session: records, frames, streams, credit, rekeying, closing
//   - rooms: runs, entries, boxes, delegations, links, validity (doc.go), what
//     peers exchange (doc_sync.go), and what users ask of their peer (doc_users.go)
//   - discovery: beacons
//
// A program for users alone needs neither sync nor discovery. Of the code it
// needs the declarations of messages, msg_*.go, rows.go and errors.go of this
// package, which "Message types" says how to read; every other number is in the text.
//
// The words must, must not and may are those of RFC 2119. The vectors in
// testdata/ at the top of the repository show every format byte by byte,
// refused forms included.
//
// # Fields and hashes
//
// H(label, f1, …, fn) is SHA-256 over the label and the fields in order, each
// preceded by its length in bytes as 4 bytes big-endian. The label is ASCII and
// separates uses. Inside a hash a number is a field of 8 bytes big-endian, and
// a list is its length as a number followed by its items, a field each.
//
// Sign(context, f1, …, fn) is a signature over the bytes
//
//	"parley/1/" ‖ context ‖ 0x00 ‖ SHA-256(f1, …, fn)
//
// with the fields length-prefixed as above.
//
// # IDs
//
// An ID is 32 bytes and always a hash. Its text form is lower-case base32
// (RFC 4648 section 6) without padding: 52 characters. A receiver of text must
// refuse other cases, padding and non-zero trailing bits.
//
//	identity   SHA-256(algorithm byte ‖ public key)
//	room       the ID of its genesis entry; of an open room, see package rooms
//	log        H("log", room, author, incarnation)
//	run        its hash, which is also the link to it
//	message    H("message", run, index in the run from 0)
//
// # Canonical encoding
//
// Records and bodies are MessagePack, restricted so that every value has one
// encoding. A receiver must refuse any other:
//
//   - Natural numbers only: positive fixint below 128, else uint 8, 16, 32 or 64,
//     the shortest that holds the value.
//   - Byte strings: bin 8, 16 or 32, the shortest that holds the length.
//   - Texts: fixstr below 32 bytes, else str 8, 16 or 32, the shortest; valid UTF-8.
//   - Arrays: fixarray below 16 elements, else array 16 or 32, the shortest.
//   - true and false.
//   - No nil, no maps, no negative numbers, no floats, no extensions. What is
//     absent is empty or zero, as its field says.
//   - Arrays nest at most MaxDepth = 6 deep in a body, its own array counted; a length is checked against the
//     bytes that are there, and against the field's own bound, before anything
//     is allocated for it.
//   - A structure is an array of exactly its fields, in order. Fields are only
//     ever added in a new message type or a new record version.
//
// # Signed records
//
// Bundles, entries, runs, boxes and delegations are arrays whose first element
// is a version and whose last element is a signature, a byte string. What is
// hashed and signed is the prefix of the received bytes from the array's header
// up to the first byte of the signature's own header: never a re-encoding.
//
// # Message types
//
// A frame (package session) names its type by number. The registry in rows.go
// is the table: number, name, where it may be received, and the largest body
// in bytes. There boundTiny is 512, boundRecord 16 KiB and boundMiB 1 MiB =
// MaxFrame; LegalHello is the first frame in each direction, LegalSession every
// phase behind it in every direction, and the others say who receives from whom.
// A receiver must check the number, the direction and the size, in
// this order, before it looks at the body; a type that is known but not legal
// in this direction, and an unknown type below FirstOptional = 0x4000, end the
// session with CodeProtocol. Unknown types from FirstOptional on are skipped.
// Types from FirstStreamType = 16 on are carried by streams, those below by stream 0.
//
// The fields of each type stand in its own file, msg_*.go, in the order in
// which they are encoded. A body is the array of them:
//
//	uint64, uint32, uint16, Code, Role   a number that the width holds (Role: uint8)
//	bool                                 true or false
//	string                               a text
//	Bytes, []byte                        a byte string
//	ID                                   a byte string of 32; [8]byte: of 8
//	List[T], []T                         an array of T
//	another structure                    an array of its fields
//
// What does not decode so ends the session with CodeProtocol. Where a size of a
// Bytes field or a bound of a text or a list is stated, a sender must keep it; a
// Bytes field may be empty where the text says so. Decoding does not check it
// (nor do the vectors of testdata/frames): the receiver that reads the field
// does, and may end the stream or the session with CodeProtocol. Lists without a
// stated bound have that of the body.
//
// # Error codes
//
// A stream, a room on a session, or a session ends with a code (errors.go) and
// at most a line of text meant for the user, of up to MaxText = 256 bytes (more:
// CodeTooLarge). A code that the receiver does not know is taken as a failure. Codes are coarse on purpose: a
// peer learns what class of thing went wrong, the log of the other side the cause.
package wire
