// Package rooms is the core of rooms: the signed records that a room is made
// of, the rules by which they count, and what peers tell each other so that all
// of them hold the same. It does no I/O, reads no clock and starts nothing.
//
// This documentation specifies the records and the rules; the file doc_sync.go
// specifies what peers exchange, doc_users.go what a user and its peer do.
// Vectors are in testdata/rooms.
//
// # Conventions
//
// Records are canonical msgpack arrays (package wire). uint, bin and str are
// its natural numbers, byte strings and texts; "bin n" has exactly n bytes; id
// is bin 32, an ID. "zero" as an ID is 32 zero bytes. [x …] is an array of any
// number of x within a stated bound. A list of IDs is in strictly ascending
// order of bytes unless it says otherwise. The first element of every record is
// its version, 1. What breaks a bound or a rule below is refused.
//
// H(label, fields…) is SHA-256 over the label and the fields, each preceded by
// its length as 4 bytes big-endian. A number as a field is 8 bytes big-endian;
// a list is its number of items as a number, then the items.
//
// A key is an algorithm byte and a public key (package identity), 33 bytes for
// Ed25519, which is the only algorithm so far; its ID is SHA-256 of the key.
// Sign(context, fields…) is package identity's signature. Where a record ends
// with a signature over "the bytes before it", these are the record's bytes as
// received, from the array's header up to where the signature's element begins.
// Bytes received are verified and hashed as they are, never encoded again.
//
// # Runs
//
// A run is consecutive messages of one log under one signature:
//
//	[1, room id, key bin 33, incarnation id, salt bin, first uint, prev id,
//	 epoch id, heads [id …], clock uint, refs [[log id, number uint] …],
//	 messages [bin …], signature bin 64]
//
//	room         the room's ID
//	key          the author's; the author's ID is its hash
//	incarnation  H("inc", room, author, salt, heads of the log's first run, a list)
//	salt         16 random bytes in the log's first run, else empty
//	first        number of the first message; a log's messages count from 1
//	prev         hash of the run before this one in the log; zero in the first
//	epoch        ID of the entry that begins the epoch; zero in an open room
//	heads        authority heads: what the author had seen and counted; 1 to 64,
//	             none in an open room
//	clock        hybrid logical clock: Unix milliseconds · 2^16 + counter; more
//	             than that of the log's last run and those seen in the room,
//	             unless they are far ahead of the own clock; no rule reads it
//	refs         up to 3 messages of other logs that the author had seen, each
//	             number ≥ 1, strictly ascending by log
//	messages     1 to 512; each iv 16 bytes ‖ ciphertext ‖ tag 32 bytes, with a
//	             ciphertext of 16 bytes or a multiple
//
// A run has first = 1 exactly if it has a salt and prev is zero, and then its
// incarnation must fit; first is not 0 and no number exceeds 2^64 - 1. A run
// takes at most wire.MaxRun = 1,044,480 bytes.
//
//	leaf      = H("msg", iv, ciphertext, tag)                     of each message
//	hash      = H("run", room, author, incarnation, first, count, prev, epoch,
//	              heads, clock, refs, leaf 1, …, leaf count)
//	signature = Sign("run", hash)
//	log       = H("log", room, author, incarnation)
//	message   = H("message", hash, index)       the ID of a message, index from 0
//
// heads and refs are lists; an item of refs is two fields, log and number. The
// leaves follow without a number of their own, which is count. The run's hash
// is the link that the next run names as prev. The signature covers the hash
// and so every other element; a verifier needs nothing but the run.
//
// # Messages
//
// The plaintext of a message is [kind uint, data bin, name str]: kind 0 is an
// ordinary message, others are skipped by who does not know them; data has at
// most 983,040 bytes; name is the author's display name in open rooms (as
// package identity allows), and empty in others. It is sealed by package
// wire/seal ("Messages") with
//
//	keys = HKDF-SHA-256(secret: epoch key, no salt, info: "msg" ‖ room ‖ epoch ‖
//	       author ‖ incarnation), 64 bytes: 32 to encrypt, 32 for the tag
//	iv   = 16 random bytes, fresh for each message
//	ad   = room ‖ epoch ‖ author ‖ incarnation ‖ number ‖ prev
//
// with info and ad as fields, each preceded by its length as in H. number is
// the message's own, prev the prev of its run.
//
// # Entries
//
// Everything that decides who may do what in a room is an entry:
//
//	[1, room id, kind uint, key bin 33, chain id, number uint, prev id,
//	 heads [id …], time uint, body bin, signature bin 64]
//	[…, body bin, signature bin 64, second signature bin 64]           joins
//
//	room    zero in a genesis entry, whose own ID is the room's
//	key     the writer's
//	chain   zero on the master's chain and beside the chains; else the entry
//	        that appointed the chain's writer
//	number  place in the chain, from 1; 0 beside the chains
//	prev    the entry before it in its chain; zero in a chain's first and
//	        beside the chains
//	heads   what the writer had seen and counted, at most 64
//	time    Unix nanoseconds by the writer's clock; no rule reads it
//	body    a canonical array by kind, below
//
//	ID = H("entry", bytes before the first signature)
//
// The signature is Sign("entry", bytes before it), in joins Sign("join", bytes
// before it). A join's second signature is the invite link's, Sign("join-link",
// bytes before it), and so covers the first. An entry takes at most 98,304 bytes.
//
// Chained entries name, among their heads, the entry before them or, first on a
// chain, the appointment. Beside the chains stand joins and leaves; they have
// at least one head. Of joins, a writer names only its own; of others' leaves,
// chained entries name all that they have seen, runs and joins none: heads stay
// few however many come and go, and an epoch still tells who left before it.
// (That is for writers to do; nothing is refused for naming more.)
// Several entries may name the same prev: all stand.
//
//	kind 1  genesis  [nonce bin 16, name str, topic str, history uint, capacity uint, bundle bin]
//	kind 2  epoch    [nonce bin 16, commitment id]
//	kind 3  invite   [link key bin 33, link sealing key bin 1216, uses uint, expiry uint, role uint]
//	kind 4  join     [invite id, link key bin 33, bundle bin, nonce bin 16]
//	kind 5  leave    [[[log id, number uint, link id] …]]
//
// Genesis: number 1 on the master's chain, without heads. Its writer is the
// room's first master, and bundle its bundle (package identity). name has 1 to
// 64 bytes, topic up to 256, of characters that a display name may have.
// history is 0 if newcomers are given the keys of all epochs, 1 if only of those
// from when they joined. capacity bounds the members; 0 is no bound.
//
// Epoch: begins a new key of 32 random bytes. commitment is HMAC-SHA-256 under
// that key over the fields "commit", room, nonce.
//
// Invite: the keys are a link's ("Links"). uses is how many may join, 0 for any
// number; expiry is in Unix seconds, 0 for never; both are policy of the peer
// that first stores a join, by its own clock, and no rule of validity reads
// them. role is that of who joins: 1 relay, 2 reader, 3 member.
//
// Join: a newcomer's certificate. It names an invite, which is among its heads,
// repeats the invite's link key so that it verifies alone, and carries the
// writer's bundle. It gives the invite's role. A newcomer's heads are the invite
// and what else it counts; one that comes back after a leave names that leave.
//
// Leave: ends the admissions of its writer that are in its closure, and stops
// the writer's logs: up to 1,024 pins, strictly ascending by log, name of each
// of its logs the last message that counts, at a run's end, and that run's hash;
// neither is zero.
// A join that has seen the leave, by any invite that counts, admits again, and
// its writer then starts a new log. (A removal by others, when it is specified,
// is not undone by a join.)
//
// # Which entries are refused
//
// An entry that breaks one of these is refused for good and never held. All
// depend on the entry and its closure alone, so that every peer decides the same
// (who does not know a kind holds neither its entries nor what names them):
//
//   - encoding, version, bounds, signatures, known kind, and the rules above
//     about number, prev, chain and heads;
//   - its room is the room; a genesis entry's ID is the room;
//   - prev is a chained entry of the same chain, with the number before;
//   - a chain that is not zero is named by an appointment (so far there are none);
//   - a chained entry's writer holds the chain: of the master's chain, the master;
//   - a join's invite is an invite with the same link key;
//   - a leave's writer has a role other than master in E(its closure).
//
// An entry is held once all that it names (heads, prev, chain) is held. Until
// then it is parked within a bound. A peer holds at most 16,384 entries and 64
// MiB of them for a room.
//
// # What counts
//
// S is the set of entries held; it is closed: it contains what its entries name.
//
//	closure(X)  X and everything that it reaches by heads, prev and chain
//	E(S)        the entries that count: the entries of the master's chain by the
//	            master; joins whose invite is among these; leaves
//	role(u, T)  master, if u wrote the genesis entry; else the lowest of the
//	            invites' roles (relay < reader < member) of the causally latest
//	            of u's joins in T that no leave of u in T has in its closure;
//	            none, if there is no such join
//
// "x has seen y" and "causally" mean: y is in closure(x). Members and readers
// hold the room's key, relays do not; members and the master write.
//
// # Validity of runs
//
// judge(r) for a run r whose encoding, bounds and signature are right, where
// r.prev is the run whose hash is r's prev:
//
//	REJECT   r.room is another room, or an open room's form; r.prev is held and
//	         r.first is not the number after its last
//	VOID     r.prev is VOID or REJECT
//	PENDING  r.prev or one of r's heads is not held, or r.prev is PENDING
//	VALID    iff r starts its log, or r.prev is VALID, and
//	         - r.prev's heads are in closure(r.heads)
//	         - role(author, closure(r.heads) ∩ E(S)) may write
//	         - r.epoch is a causally maximal one of the entries in
//	           closure(r.heads) that begin an epoch
//	         - every leave of the author in E(S) that is not in the closure of
//	           the heads of the log's first run has a pin of r's log, whose
//	           number is greater than r's last, or equal to it with r's hash
//	         - r's last is less than the first number of every fork proven of
//	           its log
//	VOID     otherwise
//
// A valid run is stored, shown, forwarded and counted in the frontier. A void
// one is not, and is judged again when entries come. A pending one is parked
// within a bound, never acknowledged, and what it waits for is fetched.
//
// A writer's heads are those of the chained entries that count and its own
// joins and leaves, joined with its previous run's, without what another of them
// has in its closure. It writes in a causally
// maximal epoch that counts, and starts a new incarnation, with a new salt,
// when it cannot continue a log without signing a number twice or when a leave
// of its own is not in its log's first run's closure.
//
// # Forks
//
// Two runs of one log with one prev and one first number and different hashes
// are siblings, and a proof that their author forked the log:
//
//	[1, room id, key bin 33, incarnation id, first uint, prev id, side, side]
//	side = [epoch id, heads [id …], clock uint, refs [[log id, number uint] …],
//	        leaves [id …], signature bin 64]
//	ID   = H("proof", log, hash of the first side, hash of the second)
//
// The leaves are in the order of the messages, 1 to 512, and count in a run's
// hash is their number. Both signatures must be right, as those of runs, and the
// sides in ascending order of the runs' hashes; prev is zero exactly if first is
// 1, and first, epoch, heads and refs keep the rules of runs. A proof takes at
// most 49,152 bytes.
//
// # Boxes
//
// An epoch's key reaches its holders in boxes, records of their own:
//
//	[1, room id, epoch id, recipient id, sealer's key bin 33, sealed bin 1168, signature bin 64]
//	ID = H("box", bytes before the signature)
//
// The signature is Sign("box", bytes before it). epoch is the entry that begins
// the epoch. recipient is a member's ID, or H("link", link sealing key) for the
// holders of an invite's link. sealed is HPKE (package identity) of the epoch's
// key to the recipient's sealing key (its bundle's, or the invite's) with info
//
//	"epoch" ‖ room ‖ nonce of the epoch's entry ‖ recipient ‖ H("sealing", sealing key)
//
// as fields. A box takes at most 1,536 bytes. Whoever opens a box checks the key
// against the entry's commitment; of several boxes of one epoch any that opens serves.
//
// A peer keeps a box when its epoch is an entry held that begins an epoch; when
// sealer and recipient are each named by an entry held as the genesis's writer,
// or as a joiner by an invite of a reader's or member's role; or when the
// recipient is the link of such an invite. Until then it waits. The rule only
// grows with the entries held, so peers with the same entries keep the same boxes.
//
// # Delegations
//
// A delegation lets a peer, which is no member, sync a room for its user:
//
//	[1, room id, peer id, key bin 33, kind uint, serial uint, signature bin 64]
//
// kind 0 is signed by a user of the room, Sign("delegate", bytes before it), and
// gives everything while that user has any role by what the other side holds.
// kind 1 is signed by an invite's link, Sign("delegate-link", bytes before it),
// and gives entries and boxes while the invite counts and is not past its time
// by the other side's clock. Of two with the same room, peer, key and kind the
// higher serial counts; Unix milliseconds serve. It takes at most 256 bytes, and
// is remembered by H("delegation", all bytes).
//
// # Links
//
// An invite link's text is "parley:" and base32 (RFC 4648 section 6, lower case,
// no padding; a reader also takes the whole text in upper case) of
//
//	[1, room id, secret bin 32, network str, addresses [str …]] ‖ sum
//
// where sum is the first 4 bytes of H("link-text", array), room is not zero,
// network is the name of its peers' network, of at most 64 bytes, and addresses
// are up to 8 of host:port, of 1 to 262 bytes each, both of characters that a
// display name may have. The whole text has at most 2,048 characters. The link's
// keys are
//
//	signing  Ed25519 with the seed HKDF-SHA-256(secret, no salt, "link-sign" ‖ room)
//	sealing  DeriveKeyPair (RFC 9180) of HKDF-SHA-256(secret, no salt, "link-seal" ‖ room)
//
// with 32 bytes of output and the info as fields.
//
// # Open rooms
//
// An open room belongs to a network (package identity) and has no entries:
//
//	room ID   = H("open", network's name, Key("open-id"), room's name)
//	epoch key = HKDF-SHA-256(Key("open"), no salt, "epoch" ‖ room), 32 bytes
//
// with the info as fields, and Key the network's key by use. Runs name no epoch
// and no heads, and anyone may write. A run is VALID if nothing is held of its
// log, or if it follows the last run held by prev and by number; REJECT if it
// names an epoch, or follows by prev and not by number; PENDING otherwise.
package rooms
