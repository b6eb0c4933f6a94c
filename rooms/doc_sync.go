// # Sync
//
// This section says how two peers that have rooms in common make them equal and keep them so: how
// each message type of the peer-to-peer part of the registry (package wire) is used, state by state.
// Peers are symmetric, but for the bit that tells who began the handshake.
//
// A session between peers has one interactive stream, opened by the handshake's initiator, on
// which both sides send every message below but for three: Push goes on a live stream that its sender opens;
// a Pull opens a bulk stream, and Runs answer on it. Streams are ordered in themselves and not
// among each other. The interactive stream loses nothing; a sender may leave out a Push. It lasts as long as the
// session: a side that ends it, or its direction of it, breaks the protocol.
//
// A peer takes part in a room while it keeps it: an open room because its operator says so, another one
// because a user has handed it a delegation for this peer's ID. It must not offer, match or answer
// for a room that it does not keep.
//
// # Finding the rooms in common
//
// The role byte of a side is 0 for the handshake's initiator and 1 for its responder. exporter is
// the 32-byte exporter secret of the handshake. In
//
//	tag(side, room)           = HMAC-SHA-256(exporter, fields("offer", role byte, room)), first 16 bytes
//	keyed(side, room, digest) = HMAC-SHA-256(exporter, fields("state", role byte, room, digest)), first 16 bytes
//
// fields are length-prefixed as in H, and the role byte is that of the side whose words they are.
// A ref names a room on one session: 2·i for the i-th room (from 0) that the initiator offers on it, 2·i + 1
// for the i-th of the responder. A room may come to have several refs, when both offered it or one offered it twice;
// each side may use any of them that was matched, and must accept all. At most 131,072
// rooms are offered by a side in a session, 16,384 in an Offer.
//
//  1. When the session begins the initiator sends Offer with the tags, under its own role, of all rooms
//     it keeps, Start 0; then further Offers whose Start is the count of tags sent so far. With
//     no rooms it sends one that is empty.
//  2. The responder answers each Offer that has rooms it keeps with Match. After the initiator's first Offer it
//     offers, likewise, the rooms it keeps that were not in it; the initiator matches those.
//  3. A room taken up later is offered when it is, by whoever took it up. Offers that found nothing are not remembered.
//
// In Match, Known lists the refs of rooms that the other side may have by what the sender remembers: open rooms, and
// rooms of which it remembers a delegation of the other's peer ID that gives a right to all of it now (see
// "Rights"); States has keyed(own side, room, digest) for each. Unknown lists the
// other rooms in common, and Tags has tag(own side, room) for each, which shows that the sender knows the room.
//
// The offerer answers each ref of a Match:
//
//   - Known, its own memory gives the other side all of the room, and keyed(other side, room, own digest) equals
//     the state given: the room is in step. Its ref goes into one InStep. Both sides may now send anything
//     about the room. This is the whole cost of a reconnect with nothing new: 16 bytes and about 22 for each room.
//   - Known otherwise: OpenRoom without delegation.
//   - Unknown, and the tag is right: OpenRoom with its delegation. A wrong tag ends the session.
//
// A ref that was never given ends the session; one of a room that has been closed or is not kept any more is ignored,
// and a Match of the latter answered with RoomClose.
//
// # Rights
//
// A side tells the other a digest, a record or a run of a room only by right: everybody of the network
// has all of an open room; of another room whoever has shown a delegation for its own peer ID, signed
// by someone who belongs to the room by the entries held here (all of it), or by the link of a live invite (entries and boxes).
// Rights are looked at again whenever the authority changes.
//
// OpenRoom presents the sender's delegation and, if its signer is no founder, the join entry that admitted it,
// which the receiver takes as if it had come in Records. Delegation is empty in open rooms and when
// the other side said that it remembers one. State is the digest as the other side's right is told
// it; empty while that right is not known, and with Answer false also while it is not to all of the room. The receiver of an OpenRoom with Answer false answers with one with Answer true:
// with its own delegation if State was empty. It keeps a delegation that gives no right
// yet and looks at it again when it has got new entries; when it then gives one it sends State.
// It remembers one that gives a right, on disk, in place of one by the same signer with a lower serial.
//
// A side that lacks the room's genesis entry can check nobody, gives nothing, and takes entries and boxes from anybody:
// they certify themselves, down from the room's ID. When its user has become a member it sends OpenRoom again, with the member's delegation.
//
// A side may ask for what the other has when it has been told a digest: in OpenRoom, State or by InStep.
// A peer with several users in a room presents one delegation, the best by what it knows. An OpenRoom with Answer true and a delegation
// that gives no right is answered by one with Answer true and nothing else; whoever gets an answer without a State presents the next of its
// users' delegations, with Answer true, each once and at most 8: which user has a right may be known to the other side alone,
// which does not tell by whose it gives one. Who has presented a member's compares all four sets from then on.
//
// A side whose authority takes away a right sends OpenRoom with Answer false, without delegation and State: the other answers with the
// delegation that is its best by now, then in turn with its others, as above, and when none is left with Answer true and no
// delegation. Then RoomClose follows; or, for each delegation of a
// user whom the room has known, the last word: Records, not asked for, with the entries that count and took the right away (the stops on
// the user; else the revocations, removals and demotions that ended the invites and adds by which it came, and
// handovers). These, and what they have seen, may then be fetched, and nothing else, so that the
// former member's peer finds which of its runs count. The room stays open on the session, in case that the user comes back; the side that was
// asked without a State takes it that it may not ask until it is told one. A delegation that comes anew and whose user's right ended is answered likewise,
// and so is one that gave no right yet when, by entries that came since, its user is one whose right ended. A peer that reads a room
// anew, since its store failed, sends OpenRoom with its delegation and Answer false where it may not ask, for the last word may be what it lost,
// and where the other side's right was lost, which shows its delegation again.
//
// RoomClose ends the room on the session for both; whatever else is under way about it is ignored. A right that ends is such a
// case (CodeRevoked), so is giving up the room (CodeOK).
//
// # Digests
//
// The state of a room on a peer is four sets of what is durable: entry IDs, box IDs, proof IDs, and logs
// with their heads. A log's head is the number of its last message that counts and the hash
// of the run that ends with it. Of a log that was forked that is the run before the fork that the proof
// shows, or what pins make of it (below); of one that a stop ends, the last run within it; a log of which nothing counts is not in the set. A log that a trim
// which counts names is in it on every peer that has the trim, with the trim's floor or what follows that: also where all
// of it is forgotten, and where it never was. Of several floors of a log the highest stands, of equal ones that with the lowest link, of
// such that whose FirstHeads, and then Heads, come first, ID by ID, a list before those that begin with it.
// When a trim does not count any more, what is above its floor is PENDING: the log leaves the set, what is
// held of it is kept, hidden, and it is fetched from 1 from whoever has it so.
// A peer gives up what lies at or below, asks for what follows, and takes nothing of it again. Of a log that it holds on another
// branch than the floor's, since the run that ends with the floor's number is another one, it gives up all, and its author is told.
// Of several proofs for one log a peer keeps the one with the lowest first number, of equal ones that with the lowest ID.
// In a room with members it keeps none against an author whom no entry names that it holds.
//
//	digest = first 16 bytes of H("state", hash(entries), hash(boxes), hash(proofs), hash(logs))
//
// To a side whose right is to the authority only, hash(proofs) and hash(logs) are told as 16 zero bytes.
// hash(set) is that of the root of a tree over the set. A node has a prefix, a sequence of nibbles, and holds the
// elements whose key (ID, or log) begins with it:
//
//	no elements     16 zero bytes
//	1 to 64         first 16 bytes of H("range-leaf", then for each element by ascending key: key; and of logs: number of
//	                the last message, its link)
//	more            first 16 bytes of H("range-node", the hashes of the 16 children, 16 bytes each)
//
// # Comparing
//
// A peer that is told a digest (State, OpenRoom) sends its own in State, unless it is the one that it told last, so
// that both sides learn of equality. When they differ it compares, as the receiver of what it lacks; the other
// side does the same for itself. It should wait a little, and longer each time, when an earlier
// comparison did not lead to equality, and not compare the same two digests again when it found nothing, unless the
// other side has told its digest since the comparison began, be it the same: a peer whose store failed tells it again when it has read the room anew.
//
// The sets are compared in the order entries, boxes, proofs, logs: what runs depend on comes first. For a set:
//
//  1. Ranges with the root (empty prefix) and its hash. At most 128 nodes stand in one Ranges.
//  2. RangesReply speaks of the nodes asked for whose hashes differ: of one with more than 64 elements it gives, in
//     Children, the children that have elements, with their hashes; of another its prefix in Leaves and its
//     elements in Keys or Heads. A node of which it says nothing is equal. What the asker has no right to is answered as equal.
//  3. The asker asks in the same way about children whose hash differs from its own, until none is left.
//
// Answers come in the order of the questions; the answering side keeps nothing in mind between them.
//
// Keys that are not held are asked for with Fetch, at most 1,024 in one, and come in Records with Asked set, in as many
// frames as it takes, More set in all but the last. What is not held any more is left out.
// Entries are added to the authority; those that name others which are not held wait, and these are fetched.
// A record of a version or kind that its receiver does not know is left out. One whose encoding, bounds or signature are wrong
// ends the session, as does an entry in an open room; one that breaks another rule, or is of another room, is dropped and counted ("Bounds").
//
// Records that are new on a peer are sent without being asked (Asked false), once durable: entries and proofs by every peer to all its other sessions
// that have a right to them, boxes by the peer to which a user gave them. A receiver takes them like the others.
//
// # Runs
//
// A head of a log above the own one makes a want: the messages after the own last one, up to that head. A peer asks for each want on one session
// at a time; which one, and how many at once, is its own choice; but it has no more than 8 Pulls of one session open at once, and a peer must serve so many. Pull lists the wants, at most 1,024; the answer
// is Runs with all runs that contain messages of each want, up to the head that counts, in the order of the wants and ascending, then the end
// of the stream. Flow control is the stream's: the asker reads as fast as it stores. What was
// not delivered is asked of others.
//
// A run that was received is checked in this order: its encoding and signature (a wrong one ends the
// session); that it continues its log where the receiver, counting what it has not stored yet, holds it; then its validity.
// A valid one is shown to readers and stored. Pending runs, and runs behind a gap, are kept
// within a bound or dropped, the gap or the missing entries asked for. What is void is dropped, and asked for again when
// the authority has changed and digests differ still. Two
// different runs in one place are a fork: the receiver searches the first ones that differ, by pulling single
// runs of the other branch, and makes a proof of them.
//
// When the authority or the proofs change, the runs held are judged again. Those that do not count any more leave the
// set of logs, the readers and the answers to Pulls at once, but are kept, hidden, on the disk of every peer on which they
// once counted; when they count again they come back as if they had just arrived, under new arrival numbers: a
// reader leaves out what it has been given, by log and number. A peer that had dropped them gets them from these.
//
// Of a log with a fork and pins at or beyond it a peer needs the chain that ends in the first pin. While it has not got it,
// nothing from the fork on counts there; it asks those whose head of the log is not below the fork for all up to the
// highest pin, and keeps what comes, hidden, if each run follows the one before, until a run is the first pin's or shows that this is another branch. A peer
// that has the chain serves all of it, also what of it does not count.
//
// Ack tells up to where logs are durable at its sender. It answers Push and Announce (of what is held already, too), for each log in them;
// not for runs that wait, nor when these count later: digests tell of that.
//
// # Live
//
// A run that a user gave to this peer is pushed, once it is durable, on every session whose other side has the right to it. Runs
// from other peers are not forwarded so: 250 ms after they became durable, their logs' heads go in Announce to the sessions
// whose other side is not known to have them: by an Ack, an Announce or a run from there, or equal digests.
// Who lacks what is announced pulls it, and acknowledges. When a Push could not be sent, the heads are announced instead. When the room has then
// been quiet for a while and the other side is still not known to have everything, State is sent.
//
// # Open rooms
//
// Each peer keeps as much of an open room as it likes: Floor in a head is the number of the last message that it does
// not have any more; it is not part of the head that is hashed, so peers with the same last messages are in step.
// A peer asks for a log that it does not hold from 1, and is answered from the other's floor. The first run that
// comes for a log, in answer to a Pull, may begin anywhere; if it lies behind a gap the peer lets go of
// what it held of the log and begins again. A peer does not ask below its own floor, nor for a log that it has let go
// unless it has grown since. It may take as little as it likes: a comparison that finds only what is
// not wanted is not repeated.
//
// # Bounds
//
// The numbers above are the protocol's. Beyond them a peer may end a session that asks for more
// than it is willing to answer, or that sends more than 64 records which break a rule. What a peer remembers of a session or a room is bounded by
// constants of its own (limits_core.go); what finds no place is found again by a later comparison.
package rooms
