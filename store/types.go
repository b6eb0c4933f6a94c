package store

import "parley/wire"

// A Run is consecutive messages First..Last of one log, as received: written, kept and
// returned whole.
type Run struct {
	Room   wire.ID
	Log    wire.ID
	Author wire.ID // the log's author; the same in every run of a log

	First, Last uint64 // message numbers, 1 ≤ First ≤ Last

	// Link is the run's hash. Two runs with equal (Log, First, Last, Link) are the same run.
	Link wire.ID

	// Arrival is the run's arrival number in its room. In a batch 0 means that the store gives the
	// next one; another value must be above every number given in the room so far
	// (a copy of another store keeps its numbers so). Apply fills it in on success.
	Arrival uint64

	Received int64  // when the run was taken: Unix time in nanoseconds, by the peer's clock
	Bytes    []byte // the run as received, opaque

	// Note is kept with the head of the run's log in place of the one before: what the writer of
	// the batch wants to know again of the log's last run. At most MaxNote bytes, opaque.
	// Runs that are read have none.
	Note string
}

// Kind tells apart the sorts of records of a room. The store attaches no meaning to it.
type Kind uint8

// The kinds of records that rooms keep.
const (
	KindEntry      Kind = 1 // an authority entry, a join or a leave
	KindBox        Kind = 2 // an epoch key sealed to one recipient
	KindDelegation Kind = 3 // a member's word that a peer may sync the room
	KindProof      Kind = 4 // two sibling runs or handovers: the proof of a fork
)

// A Record is a content-addressed part of a room: ID stands for Bytes, so it is written once
// and never changed.
type Record struct {
	Room  wire.ID
	Kind  Kind
	ID    wire.ID
	Bytes []byte
}

// A Head is the state of one log: what a frontier and the room's counters are made from,
// without reading a run.
type Head struct {
	Log, Author wire.ID

	// Floor is the number of the last message trimmed away (or below the first run ever
	// held); 0 when the log is whole. The messages held are Floor+1 to Last; Floor == Last
	// when every run has been trimmed and the log can still go on.
	Floor, Last uint64

	Link         wire.ID // of the last run, held or trimmed
	Bytes        uint64  // sum of len(Bytes) of the runs held
	LastArrival  uint64  // arrival number of the last run
	LastReceived int64   // Received of the last run
	Note         string  // of the last run
}

// A Value is one setting, token or the like under a key of 1 to MaxKey bytes. In a batch
// a nil Value deletes the key; an empty one is a value.
type Value struct {
	Key   string
	Value []byte
}

// TrimAll as a Trim's Floor drops the log whole, its head included; the log may start anew.
const TrimAll = ^uint64(0)

// A Trim drops the oldest runs of a log and gives their space back: every run whose Last ≤
// Floor. Floor must be the Last of a run held, or TrimAll; a floor at or below the log's own
// changes nothing. The head's Last and Link stay, so the log goes on.
type Trim struct {
	Room, Log wire.ID
	Floor     uint64
}

// A Cut drops the newest runs of a log and gives their space back: every run whose First > Last.
// It applies only while Head is the link of the log's last run, and changes nothing otherwise, so that it
// may come again after the log has gone on. Last must be the Last of a run held, whose link is Link, or the log's
// Floor, and then Link is kept as it is given. Note takes the place of the head's. Arrival numbers of what was cut
// are not given again. (To drop every run of a log and its head, a Trim with TrimAll.)
type Cut struct {
	Room, Log wire.ID
	Head      wire.ID // link of the run that the log ends with before
	Last      uint64  // and its last message afterwards
	Link      wire.ID // of the run that ends with Last
	Note      string  // at most MaxNote bytes
}

// Stats are counters of one open store, for status and tests. Those of work
// done count from when it was opened.
type Stats struct {
	DiskBytes   uint64 // on disk now
	MemoryBytes uint64 // of the engine's caches and buffers now
	Batches     uint64 // Apply calls that succeeded
	Commits     uint64 // groups they were committed in
	Syncs       uint64 // times that the disk was asked to make commits durable
	Runs        uint64 // runs appended
	Ignored     uint64 // runs that were held already
	Full        bool   // the disk is full or nearly, so writes are refused or wait
	Reopened    uint64 // times the engine restarted itself after a fault
}
