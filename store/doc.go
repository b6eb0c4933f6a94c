// Package store keeps what a peer must not lose: runs, records and values. It
// declares the Store interface and its plain types; engines live beside it
// (store/embedded) and all pass one suite, store/storetest.
//
// A store knows no rooms logic. It does not look into a run's bytes, checks no
// signature and holds no key. It does keep four promises, which everything above rests on:
//
//   - Atomic. A batch is applied whole or not at all, also across a power cut.
//   - Durable. When Apply returns nil, the batch survives kill -9 and power loss.
//   - Durable reads. What any method returns is durable: nothing read from a store
//     can be gone after a crash. So a number once seen by a reader never comes to
//     mean something else.
//   - Contiguous. The runs of one log form an unbroken sequence of message numbers
//     from Floor+1 to Last; there is never a hole, never a half of a run, and the
//     head of a log is always its last run.
//
// # Idempotence
//
// Applying the same batch again changes nothing and succeeds: a run that is held
// already (same log, first, last and link) is ignored, so is a record (same room, kind
// and ID); values, drops, trims and cuts have the same effect twice. Therefore whoever is
// unsure whether an Apply happened (an error other than ErrConflict, ErrInvalid and
// ErrTooLarge, or a cancelled context) simply applies it again.
//
// # Arrivals
//
// Each run of a room has an arrival number: the order in which this store took the
// room's runs, across logs. Numbers grow, start above 0, may have gaps (trims, cuts), and are never given
// twice, even when the room is dropped and comes back. Together with Instance an arrival
// number is a cursor: a reader that asks for the arrivals after the last one it saw misses
// nothing and sees nothing twice, however many writers there are.
package store
