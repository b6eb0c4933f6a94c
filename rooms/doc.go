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
//	[…, body bin, signature bin 64, second signature bin 64]     joins, handovers
//	[…, body bin]                                                pairs
//
//	room    zero in a root, whose own ID is the room's
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
// before it). The second signature of a join is the invite link's,
// Sign("join-link", bytes before it), and of a handover the successor's,
// Sign("handover", bytes before it); both so cover the first. An entry takes at
// most 98,304 bytes.
//
// Genesis and pair are roots: a room's first entry, number 1 on the master's
// chain. Joins, leaves and renewals stand beside the chains and have at least
// one head. All other entries are chained and name, among their heads, the entry
// before them or, first on an admin's chain, the appointment. Policy, appoint,
// demote, handover and trim stand on the master's chain alone.
//
// An entry names its heads, prev and chain, and what its body lists: the
// appointment, cut, invites and joins in it. Several entries may name the same
// prev: all stand. Of joins, heads name only the writer's own; of others'
// leaves, chained entries name all that they have seen, runs and entries beside
// the chains none: heads stay few however many come and go, and an epoch still
// tells who left before it. Should there be more heads than 64, a writer names
// what it must (prev or the appointment, what its previous run named) and the
// oldest others; what is left out, its next entries name.
//
//	kind  1  genesis   [nonce bin 16, name str, topic str, history uint, capacity uint, bundle bin]
//	kind  2  epoch     [nonce bin 16, commitment id, pins]
//	kind  3  invite    [link key bin 33, link sealing key bin 1216, uses uint, expiry uint, role uint]
//	kind  4  join      [invite id, link key bin 33, bundle bin, nonce bin 16]
//	kind  5  leave     [pins]
//	kind  6  add       [bundle bin, role uint]
//	kind  7  stop      [subject id, role uint, ban uint, pins, joins [id …], nonce bin, commitment id]
//	kind  8  lift      [subject id]
//	kind  9  appoint   [subject id]
//	kind 10  demote    [appointment id, cut id, joins [id …], nonce bin 16, commitment id]
//	kind 11  policy    [name str, topic str, history uint, capacity uint, retention uint, epoch age uint]
//	kind 12  handover  [successor's bundle bin]
//	kind 13  revoke    [invites [id …], joins [id …]]
//	kind 14  trim      [[[log id, number uint, link id, first heads [id …], heads [id …]] …]]
//	kind 15  renew     [bundle bin]
//	kind 16  pair      [other key bin 33]
//
//	pins = [[log id, number uint, link id] …]
//
// pins are up to 512, strictly ascending by log: of each log the number of a
// message at a run's end, from 1, and that run's hash, not zero. Up to 1,024 joins, up to
// 1,024 invites. Roles are 1 relay, 2 reader, 3 member. A bundle is of package
// identity. A program that would name more pins names those logs of the subject
// with the most messages, and in an epoch those last written to; one that would
// name more joins writes revocations before, which name the rest.
//
// Genesis: without heads. Its writer is the room's first master, and bundle its
// bundle. name has 1 to 64 bytes, topic up to 256, of characters that a display
// name may have. history is 0 if newcomers are given the keys of all epochs, 1 if
// only of those from when they joined. capacity bounds the members; 0 is no bound.
//
// Epoch: begins a new key of 32 random bytes. commitment is HMAC-SHA-256 under
// that key over the fields "commit", room, nonce. pins are heads of logs that
// the writer had verified; they decide between branches of a log ("Forks").
//
// Invite: the keys are a link's ("Links"). uses is how many may join, 0 for any
// number; expiry is in Unix seconds, 0 for never; both are policy of the peer
// that first stores a join, by its own clock, and no rule of validity reads
// them. role is that of who joins.
//
// Join: a newcomer's certificate. It names an invite, which is among its heads,
// repeats the invite's link key so that it verifies alone, and carries the
// writer's bundle. It gives the invite's role. A newcomer's heads are the invite
// and what else it counts; one that comes back after a leave names that leave.
//
// Leave: a stop by oneself. It ends the admissions and the admin's chains of its
// writer that are in its closure. A join that has seen it, by any invite that
// counts, admits again, with no more than the role to which a stop had lowered
// the writer.
//
// Add: gives the user whose bundle it carries a role, also one who was removed,
// unless it is banned. The bundle is not the writer's.
//
// Stop: role 0 is a removal, 1 and 2 make a relay or a reader. ban is 1 for a
// removal that only a lift ends, else 0. The subject is not the writer; it need
// not belong to the room. pins name, of the subject's logs, the last message that counts. A
// stop with role 0 or 1 begins an epoch, as kind 2, without pins of others' logs;
// one with role 2 has an empty nonce and a zero commitment. joins are those that
// the writer had seen and that count: what a removal has not seen, it revokes.
//
// Lift: the subject, who was removed and is not the writer, may join again, by a
// join that has seen it.
//
// Appoint: begins an admin's chain, whose name is the entry's ID. The subject is
// not the writer.
//
// Demote: ends an appointment and begins an epoch. cut is the last entry of that
// chain that counts, or the appointment if none does. joins as in a stop.
//
// Policy: replaces what the genesis entry says; name to capacity as there,
// retention and epoch age in seconds, at most 3,153,600,000: how long messages
// are kept and how long a key is used by the agents' clocks, 0 for ever. Without
// a policy, retention is 0 and epoch age 604,800. Of the causally latest that count the one
// with the lowest ID holds. No rule of validity reads any of it.
//
// Handover: the successor, whose bundle it carries and who is not the writer, is
// the next master. The master signs first. Whoever was master becomes a member.
//
// Revoke: ends invites: of the joins by them, those that the entry has seen
// count. With no invites it confirms joins, which a later revoker that has seen
// it so has seen. It lists at least one invite or join.
//
// Trim: forgets messages, 1 to 256 logs, strictly ascending. Of each: a message at a run's
// end and that run's hash, neither zero, up to and including which the log is forgotten; the
// heads of the log's first run and of the run that is named, 1 to 64 each. Only the master
// trims (either, in a room of two): what is forgotten does not come back, while
// an admin's entries may stop counting.
//
// Renew: the writer's own bundle, with a number above those of its bundles in the closure.
//
// Pair: a room of two, of the users with these keys, who both are members; the
// entry's key is the one with the lower ID. time is 0, heads are none. Nobody signs it: either side
// makes the same. Besides it, a room of two has epochs and trims, which either
// writes on the master's chain, and renewals, and nothing else.
//
// # Which entries are refused
//
// An entry that breaks one of these is refused for good and never held. All
// depend on the entry and its closure alone, so that every peer decides the same
// (who does not know a kind holds neither its entries nor what names them):
//
//   - encoding, version, bounds, signatures, known kind, and the rules above
//     about number, prev, chain, heads and bodies;
//   - its room is the room; a root's ID is the room;
//   - in a room of two, the kind is allowed there;
//   - prev is a chained entry of the same chain, with the number before;
//   - a chain that is not zero is named by an appointment, and the writer is its subject;
//   - on the master's chain the writer reigns after prev: it is the successor in
//     prev, if that is a handover, or wrote prev's reign, back to the genesis
//     entry; in a room of two it is one of the two;
//   - what a body lists as invites are invites, as joins joins; a demotion's
//     appointment is an appointment, and its cut is that or of its chain;
//   - a join's invite is an invite with the same link key;
//   - whoever leaves or renews was known: its bundle is in the closure (or it is
//     one of the two); whoever leaves is not the master in M(closure).
//
// An entry is held once all that it names is held. Until then it is parked
// within a bound. A peer holds at most 16,384 entries and 64 MiB of them for a room.
//
// # What counts
//
// S is the set of entries held; it is closed: it contains what its entries name.
// "x has seen y" means that y is in closure(x); "causally" is by that.
//
//	closure(X)  X and everything that it reaches by what is named
//	reign       of an entry on the master's chain: the last handover before it by
//	            prev, or the genesis entry, which began it
//	M(S)        from the genesis entry: the entries of its reign in S that have not seen
//	            another handover of that reign. If there are handovers among them,
//	            one continues: of the reign, what it has seen and it itself are in M(S), and so
//	            on from it with the successor
//	continues   of several handovers of one reign the one with the most witnesses,
//	            then the lowest ID
//	witness     a user with appointments in M(S) as far as it is determined by then, or in
//	            the reign, that every one of the handovers has seen and of which
//	            none has seen a demotion; who is neither the reign's master nor a
//	            successor in one of them; the entries in S of whose chains (those) have seen
//	            exactly one of the handovers, for which it counts
//	E(S)        M(S);
//	            + the entries of each admin's chain whose appointment is in M(S),
//	              within the closure of the cut of every demotion of it in M(S),
//	              and of every leave of its subject that has seen the appointment;
//	            - stops on admins' chains on x, where M(S) has an appointment of x,
//	              or x's reign, that has not seen the stop, and whose end the stop
//	              has not seen (of an appointment: a demotion in M(S), or a leave
//	              of x that has seen it; of a reign: the handover that continues);
//	            + joins whose invite is in the above and that every revoker of it
//	              there has seen;
//	            + leaves and renewals
//	revoker     of invite i: a revocation that names i; a stop with role 0 or 1,
//	            or a demotion, that i has not seen
//
// The rule of stops on admins protects from other admins, not from the master.
// Programs demote an admin before anything else.
//
//	role(u, T)  of a user by entries T that count; the first that applies:
//	 master     u's reign is the last in T
//	 admin      an appointment of u in T that no demotion in T ends and that no
//	            leave of u in T has seen
//	 none       a stop on u in T with ban, that no lift of u and no demotion of u in T has seen
//	 D, below:  the causally latest of the chained entries in T about u: adds and
//	            stops on u, lifts of u, demotions of u (which make a member),
//	            handovers by u (which make a member)
//	 none       D has a removal
//	 lowest     of the roles that the entries in D give, leaving out lifts and,
//	            but for the limit, what a leave of u in T has seen, if any are left
//	 lowest     of the roles of the causally latest of u's joins in T that have
//	            seen all of D and that no leave of u in T has seen
//	 none       otherwise
//
// The limit: no role from D or a join is above that of a stop in D. In a room of
// two, both are members and nobody else is anything.
//
// Members, admins and the master write; they and readers hold the room's key,
// relays do not. The bundle of a user is the one with the highest number (of
// several, the lower bytes) in any entry held, since its owner signed it. An
// invite is live if it counts and has no revoker.
//
// # Validity of runs
//
// judge(r) for a run r whose encoding, bounds and signature are right, where
// r.prev is the run whose hash is r's prev, or a trim floor in E(S) with that
// hash, which counts as VALID:
//
//	REJECT   r.room is another room, or an open room's form
//	VOID     r.first is not above the number of every trim floor in E(S) of its log
//	REJECT   r.prev is held and r.first is not the number after its last
//	VOID     r.prev is VOID or REJECT
//	PENDING  r.prev or one of r's heads (or a floor's) is not held, or r.prev is PENDING
//	VOID     unless r starts its log, or r.prev is VALID, and
//	         - r.prev's heads are in closure(r.heads)
//	         - role(author, closure(r.heads) ∩ E(S)) may write
//	         - r.epoch is a causally maximal one of the entries in
//	           closure(r.heads) that begin an epoch
//	         - every stop of the author in E(S) (a stop on it or its leave) that is not in the closure of
//	           the heads of the log's first run has a pin of r's log, whose
//	           number is greater than r's last, or equal to it with r's hash
//	VALID    r's last is below the fork, or r is on the first pin's chain, or on a
//	         later one that contains the first pin's run
//	PENDING  the first pin's chain, or failing that a later one's, is not held back to the fork
//	VOID     otherwise
//
// where the first line that applies decides, and
//
//	base(r)  r judged with VALID for the last three lines
//	fork     the least first number, above every trim floor in E(S) of the log, of two siblings
//	         that are held or proven, whatever the verdict on them; none: infinite
//	pins     those of the epochs and stops in E(S) that name the log at a number not below
//	         the fork; of leaves none, or the author would choose between its branches
//	first    of the pins, that of the entry with the lowest ID among the causally
//	         minimal of these entries
//	chain    of a pin: the run with its hash, which must end with its number, and
//	         back by prev, each ending with the number before the next one's first, to the
//	         run that contains the fork; what breaks that, if held, leaves no chain and holds nothing up
//
// A valid run is stored, shown, forwarded and counted in the frontier. A void
// one is not; whoever once held it valid keeps it, hidden, others drop it, and it is
// judged again when entries come. A pending one is parked within a bound (here
// 512 runs of a log, 2,048 and 8 MiB of a room; of entries 1,024 and 4 MiB),
// never acknowledged, and what it waits for is fetched; one that does not fit is
// asked for again when sets are compared.
//
// A writer's heads are those of the entries that count, the chained ones and its own
// beside the chains, joined with its previous run's, without what another
// of them has in its closure. Of the causally maximal entries in their closure that begin
// an epoch it writes in one that counts and whose key nobody has who has no right to it
// (an entry that is held and does not count so takes no epoch from anybody). Who may have
// the key is told by role() over E(S) without the leaves and the stops with role 0 or 1 that
// the epoch has not seen, and with what once may have counted: joins that every revoker
// that the epoch has seen has seen, and adds and appointments, unless the epoch has seen a
// demotion that ends their chain, or a handover of their reign. A writer starts a new incarnation,
// with a new salt, when it cannot continue a log without signing a number twice
// or when a stop of it, or a leave of its own, is not in its log's first run's closure.
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
// The siblings of the least fork, the runs that pins name at or beyond it, and
// the chains back from these to the fork are kept and served whatever their verdict.
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
// sealer and recipient are each named by an entry held as the genesis's writer, one
// of a pair, an appointment's subject, one of a handover's parties, or by a join
// or add of a reader's or member's role; or when the
// recipient is the link of such an invite. Until then it waits. The rule only
// grows with the entries held, so peers with the same entries keep the same boxes; of
// one sealer for one recipient in one epoch, the 8 with the lowest IDs.
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
// and gives entries and boxes while the invite is live and not past its time
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
