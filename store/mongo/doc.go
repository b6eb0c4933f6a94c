// Package mongo is the engine of store.Store on MongoDB: what a site uses that has outgrown one machine, a
// replica set or sharded cluster under several peers. It needs no more of the server than atomic changes of single documents:
// no transactions of several documents, no change streams, no TTL indexes.
//
// # Views
//
// Peers that share a database have a view each, named by the peer's ID: its own rooms, frontiers,
// order of arrival and values, and its own copies of the runs. A peer judges everything itself, so what one holds
// another may refuse, and two branches of a fork may lie in two views as they may on two disks. Nothing but the exchange of
// package rooms joins views: over the peers' sessions, and behind them Others, which reads what another view has and
// this one lacks. So no peer waits for another, none can damage another's view, and the price is the space.
//
// A view is written to by one process. Whoever opens it fences off who had it open before: the
// other's next commit fails with store.ErrLocked. There is no lease to wait for after a kill.
//
// # Documents
//
// IDs are text as everywhere in Parley (base32), times are dates (with what is below a millisecond in nanos), numbers are
// 64-bit integers (message numbers from 2^63 on, which no log reaches, show as negative), contents are binary of subtype 0.
// KEY is the eight characters that stand for a view, ROOM and LOG in an _id the numbers that the view has given them;
// numbers are never given twice.
//
//	meta     _id "schema": version, indexed, made
//	views    _id VIEW: key, instance, term, commit, void [{commit, at}], number, arrivals, clean, opened, host, pid
//	rooms    _id KEY/roomID: view, room, commit, now {number, arrival, records}, was
//	heads    _id KEY/ROOM/logID: view, room, log, commit,
//	         now {number, author, floor, last, link, bytes, arrival, received, nanos, note, cut, since}, was
//	records  _id KEY/ROOM/kind/recordID: view, room, kind, commit, now {bytes}, was
//	values   _id KEY/key: view, key, commit, now {bytes}, was
//	runs     _id KEY/ROOM/LOG/last (20 digits) or, of a log that was cut, KEY/ROOM/LOG/last.since: in KEY/ROOM, arrival, commit, number LOG, room, log, author, first, last, link,
//	         received, nanos, size, bytes
//	sweeps   _id KEY/commit/part: view, commit, spans [{in, log, upto, before}]: what is to be deleted after that commit
//
// Keys of values are written so that they sort as their bytes: a byte up to '!' as !XX, one from '~' on as ~XX.
// The _id is the index of every read by room, log and range, of points too; runs has a second, (in, arrival), for cursors, rooms
// one on room, for Others, sweeps one on view. On a sharded cluster, shard heads, records, values and runs by {_id: 1}: a room's documents
// lie together, and all queries but Others' name their shard.
//
// In a shell, the newest messages of a room by a view:
//
//	db.rooms.find({view: KEY, room: ID})                       // now.number
//	db.runs.find({in: KEY + "/" + NUMBER}, {bytes: 0}).sort({arrival: -1}).limit(10)
//
// # Commits
//
// A commit has a number. The document of the view says which was the last one; it grows by one conditional update,
// and that update is where everything of a commit comes into being at once:
//
//  1. Requests are staged against what the committer knows (it is the only writer): refused, found held, or turned into documents.
//  2. All documents of commit n+1 are written, unordered and at once: runs are inserted; a cell (room, head, record, value) is replaced, on
//     condition that it has the commit number known of it, and keeps in was what it had before.
//  3. views is updated from (term, n) to n+1.
//  4. Callers are answered. What the commit made unreachable is deleted.
//
// A reader takes the last commit n first, then reads: of a cell now if its commit is made, else was; a run if its commit is
// at most n and it is not in a span that is being deleted. Writes ask for majority and journal, reads for majority at the
// primary, and n moves on only after step 3 was acknowledged so: what is read is durable.
//
// Sequences read page by page, each page larger than the one before within a bound, for each is a question to the server.
//
// A crash, or a lost answer, at each step:
//
//   - Before 3, nothing of n+1 is seen: no reader counts a document of a commit above n. The next process to open the view
//     takes (term, n) to (term+1, n+1) and enters n+1 as void, in one conditional update: either the old process's step 3 came
//     first, then that update fails and is done on n+1 made; or it did not, and never can. A void number is never made, so what is left of it, or
//     arrives late, is never seen: a cell still has in was what counts, and the next change of it is conditional on whatever number it then has; a run in the
//     way of another is deleted, on condition of its number. A late insert cannot overwrite anything, a late
//     replacement only what has the number from before, and puts that into was.
//   - After 3, everything of n+1 is there, by 2. If the answer was lost, the committer reads the view: n+1 under its own term is made.
//   - During 4, what was to be deleted is named by a document of sweeps, of commit n+1, and deleted by the next to open the view before anything is
//     read. Numbers of rooms and logs are new each time, and a floor never goes back, so deleting late
//     or twice deletes nothing that counts.
//
// A cut of a log's newest runs is a change of its head: cut is where the log ends then, since the number of the commit. What follows
// has since in its _ids, so it lies beside what the cut drops, which counts until the commit is made and is deleted
// after it: the runs that end above cut, of commits below since.
//
// A question that the server has not answered after the URI's timeoutMS (15 s where it has none) is asked again, and whoever waits is
// told which it was (SlowError).
//
// Each attempt at 2, 3 and 4 may be repeated: a document that has commit n+1 already is this commit's own. While the server is
// away the committer tries again without end, with back-off up to 2 s, and Apply gives up after Options.Patience. Arrival
// numbers are given by the committer while staging and become visible with their commit, in order, so a cursor skips and repeats nothing.
//
// # Secrets
//
// Passwords of a URI are removed from every error, and Name shows neither user nor options. A URI with a password
// belongs in a file (ReadURI) or the environment, not on a command line, which every user of the machine can see.
package mongo
