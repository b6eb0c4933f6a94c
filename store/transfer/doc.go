// Package transfer makes one store equal to another, of whatever engine: a migration, a backup, a
// restore. What is copied keeps its arrival numbers; the copy is another instance.
//
// A copy can be cut at any moment and taken up again: what the destination has already is not copied
// twice, so a later copy of a source that has grown costs what is new. While it is being made the
// destination carries a Mark, by which nobody takes it for a whole one; at the end both sides are read
// and compared by Digest.
//
// # Digest
//
// The digest of a store is SHA-256 over what it holds, in this order, each item being a sequence of
// fields: a number is 8 bytes big-endian, a byte string is preceded by its length as a number, an ID is 32
// bytes, a list is preceded by its length as a number.
//
//	for each room, ascending    "room", ID, last arrival number
//	  for each log, ascending   "head", log, author, floor, last, link, bytes, last arrival, last received, note
//	  for each run, by arrival  "run", log, first, last, link, arrival, received, bytes
//	  for each kind 1 to 4      for each record, ascending: "record", kind, ID, bytes
//	for each value, ascending   "value", key, value; keys below "transfer/" are left out
//
// Of a log without runs, last arrival and last received are taken as 0: they are of no run that is held.
// Equal content has equal digests in every engine. The instance is not part of it.
package transfer
