// Package fuzz tries a peer with conversations that are almost right.
//
// An episode is what one outsider, member, removed member or relay does on one
// connection or a few, after a handshake that it completes: a list of steps,
// legal ones made from the state of a real room, to which mutations are then
// applied. What is signed is mutated before it is signed, by keys of the
// fuzzer's own, so that it gets past the signatures and deep into the rules;
// everything else is mutated as encoded, by its grammar: values, frames,
// records, their order and their timing. Episodes follow from a seed, and come
// in series: each series has a den, a room that the fuzzer makes at the target,
// with a master, an honest member and others, or the room of a link.
//
// A script is steps as text. What a session alone decides (tags, delegations
// for a peer) stands in it as a marker of the same length, which is replaced when
// a step is played, so that a script plays again against the same peer or
// another one.
//
// The target is watched: each frame that it sends must be one that the protocol
// allows there (package script), codes must be known and not tell of an internal
// failure, nothing may be told to whom it does not concern, each connection must
// be answered or ended, what honest users of the den wrote must be there once and
// in order; and of the process, as far as it is known: that it lives, its memory,
// its goroutines, its log. What breaks one of these is a finding. It is cut
// down to the steps, and of each step to the mutations, without which it does
// not happen, and written to a file.
package fuzz
