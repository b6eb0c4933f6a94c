// Package client is a user's side of Parley: it opens a session with a peer,
// keeps the user's epoch keys and writer state, encrypts and signs what is
// written, verifies and decrypts what is read. The command line, programs and
// bots use it; the peer never sees a room key or a plaintext.
//
// A Client is made by Dial (or Open, for what needs no peer) over the user's
// folder:
//
//	tokens/PEER          the token that this peer issued (0600)
//	names                local names of rooms
//	petnames             local names of people
//	verified             whose fingerprint the user compared, and when
//	pairs                the rooms of two in which something was begun
//	rooms/ROOM/authority the room's entries, verified again when loaded
//	rooms/ROOM/epochs    the epoch keys (0600), sealed under the user's own key
//	rooms/ROOM/outbox    writer state and what is not acknowledged (outbox.go)
//	rooms/ROOM/keys      what was sent under a name (keytable.go)
//	rooms/ROOM/lock, turn  who may write now, and who is next (turn.go)
//	rooms/ROOM/chain     held by who adds to the room's chain of entries
//	rooms/ROOM/addresses where peers that have the room were said to be
package client
