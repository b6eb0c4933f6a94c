// # Users
//
// A user keeps its keys, reads and writes; its peer stores. This section says how a user's program
// works with its peer on a session between the two (package session). The peer is not trusted with
// more than storing: the user verifies what it is given by the rules above, from the room's ID down.
//
// # Requests
//
// A request is a stream that the user opens, of any class: interactive serves for most, bulk for what
// is long. Its first message is the request and its answers come on the same stream; both are with the type. Only
// Append may be sent again on its stream. When all is answered the peer ends its direction with CodeOK. A request that
// fails ends with another code and a line for the user: CodeNotFound for a room that the peer does not keep for this
// user, which tells nothing of whether it keeps it for others, CodeBusy for too many at once, CodeProtocol for what is no request.
// The user ends its direction behind its last message; what was asked is still answered. Of an answer
// without an end (Follow, RoomWatch, Watch of PeersGet) it does not, since a peer may take that for a loss of
// interest: it gives up the stream, with CodeShutdown, when it wants no more. A peer that does not serve the
// user closes the session with CodeRefused.
//
// A peer keeps a room for a user from a Submit with a delegation until RoomDetach; an open room for everybody, without.
// The other requests about a room are answered only while it does, and by the user's right as things stand. Runs (Tail, HeadsGet) are
// for users that have a role in the room; a Tail that follows ends with CodeNotFound when its user's role ends, or the room is given
// up, before any run that comes later. A user without a role, and without a delegation of a link, shown to this peer, that gives a right, is
// told what a peer that shows its delegation would be ("Rights"): AuthorityGet gives the last word, its own leaves, and what these have seen,
// nothing to a user whom the room has not known, with the digest and the boxes of these entries; when its right changes, who follows gets all that it may have by then.
// WriterGet gives that digest and the head of its own log, without Clock and Refs; RoomsGet and RoomWatch the number of these entries, and of peers;
// VerifyGet and SealedGet get CodeNotFound. This holds as soon as the peer has the room's genesis entry.
//
//	Submit        takes Join, then Entries, in their order, then Boxes, then the delegation. A delegation
//	              is of this room and peer and, of kind 0, signed by this user; if it gives no right by
//	              what the peer holds: CodeRefused, but a peer that lacks the genesis entry takes any. An entry
//	              that names others than those held: CodePending; it waits for them. A join that breaks no rule
//	              and is not admitted: CodeExpired, CodeExhausted, CodeRevoked (the invite does not count, or is
//	              revoked), CodeRefused (its writer was removed, and no lift has followed, or the room is full);
//	              for the one in Join this is no failure. Uses are counted by users, not by joins; the room is full
//	              when as many hold its key as its capacity, and relays may join then. What breaks a rule, is of a
//	              version or kind that the peer does not know, or is a box that is not kept as things stand: CodeInvalid.
//	              All of it may be sent again.
//	AuthorityGet  entries come so that each stands behind those that it names. Boxes are those of the one recipient.
//	              A peer that has read the room anew, since its store failed, sends to who follows all of it again.
//	Append        runs by this user, each continuing its log; one of another room or author ends the request
//	              with CodeRefused, one that is not well formed and signed with CodeInvalid. What is held already is
//	              answered as if it were new. AppendRefused has CodeConflict for a run that does not continue the log, CodePending while
//	              its heads are not held, CodeInvalid if it is void, CodeStorage if the store cannot write.
//
// The digest by which user and peer compare entries (Known in AuthorityGet and WriterGet, Digest in Authority and Writer) is
// the first 16 bytes of H("entries", the IDs of all entries held, as a list). It is not the hash of the
// set that peers compare by.
//
// A log belongs to the peer to which its author appends; the peer refuses whatever does not continue the log as it holds it,
// durable or not yet, and acknowledges only what is durable. Whether a join is admitted (the invite's uses and time, the
// room's capacity) is decided by the peer to which it is submitted, by its own clock; joins that come from other
// peers are taken by validity alone.
//
// When messages of one of its own users stop counting, or count again, a peer keeps a notice of which and why, one for a log, until
// the user has taken note of it (NoticesGet, Notices).
//
// # Who seals to whom
//
// Boxes make the key of an epoch known; nobody is bound to make them, so all who can see to it:
//
//   - who begins an epoch seals its key to every reader and member, itself included, and to the link of every invite that
//     counts, is not past its time and gives one of these roles;
//   - who makes such an invite seals to its link: the keys of all epochs if the room's history is 0, else of the
//     causally maximal ones;
//   - who joins seals to itself what it had from the link's boxes, since the link's time ends;
//   - who has a key that a reader or member lacks a box of seals it to that one, of all epochs if the history
//     is 0, else of the maximal ones and those begun since it joined. So that not all do, one waits the longer the more holders
//     of the key have a lower ID, and looks again (AuthorityGet with that Recipient).
//
// # Joining by a link
//
//  1. Submit with a delegation by the link (kind 1) for the peer's ID, and the link's addresses, which the peer dials.
//  2. AuthorityGet with Follow and the link as Recipient, until among the entries that count is the invite with the
//     link's signing key and, unless its role is relay, the boxes opened give the key of a maximal epoch, and of all if
//     the history is 0. (One that does not come is waited for a few seconds: a member can seal it later.)
//  3. Submit with the join entry, both in Entries and in Join, a delegation by the user (kind 0), and its own boxes.
//     A user that has a role already leaves out the join.
//
// # Reading
//
// Tail gives runs in the order in which they came to this peer, which is not the same on every peer; a run comes behind
// the one before it in its log. The reader parses and judges each, and opens the messages of valid ones with the
// epoch's key. If a head is not held it gets entries and boxes again; an epoch whose key it was never given it cannot read.
//
// # Writing
//
//  1. WriterGet for the log, or zero for a new one. If Digest is not that of the entries the user has, AuthorityGet.
//  2. A run whose heads, epoch and incarnation are as "Validity of runs" says, refs those that Writer gave, clock above
//     Writer's. A program that keeps no state about its log starts a new one each time: it must never sign two runs with
//     one prev. One that keeps it must have the run on its disk before it sends it.
//  3. Append. Appended tells up to where the log is durable at the peer; PlacedGet on how many more.
package rooms
