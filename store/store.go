package store

import (
	"context"
	"iter"

	"parley/wire"
)

// A Batch is what one Apply changes, atomically. Its parts take effect in the order of
// the fields: rooms are dropped first, then logs trimmed and cut, then records dropped, so that a batch
// can start a log or a room anew; then runs are appended in order, records and values written.
type Batch struct {
	DropRooms   []wire.ID // everything of these rooms: runs, heads, records
	Trims       []Trim
	Cuts        []Cut
	DropRecords []Record // by Room, Kind and ID; absent ones are ignored
	Runs        []Run
	Records     []Record
	Values      []Value // a later one of the same key wins
}

// Store is what rooms and sessions keep things in. All methods are safe for concurrent
// use. A room, log or key that was never written is empty, not an error, unless said
// otherwise. Byte slices that are returned belong to the caller; those of one
// page of a sequence may share one allocation.
//
// Sequences (iter.Seq2) end after the first error, which comes with a zero item. They read
// in bounded pages and hold nothing of the store between items: a consumer may be slow,
// stop early, or call any method, Apply and Close included, from inside the loop. Each page sees the
// store as of its reading: runs appended meanwhile may or may not appear at the end, runs
// trimmed meanwhile may be missing at the front. A cancelled context ends a sequence with
// the context's error.
type Store interface {
	// Instance returns 16 random bytes made when the store was created. A copy that was
	// restored elsewhere is another instance.
	Instance() [16]byte

	// Apply applies a batch: atomic, durable when it returns nil, idempotent (see the package
	// documentation). Concurrent calls share a disk sync. A run must start right after
	// its log's head (First == Last+1), or be the log's first (any First; the log's Floor becomes
	// First-1), or be held already; else the whole batch fails with ErrConflict. On success the runs'
	// Arrival fields are filled in, for runs that were held already with the number they have.
	//
	// The batch is the store's until Apply returns and the caller's again afterwards. With ErrConflict, ErrInvalid
	// and ErrTooLarge nothing was applied; after any other error, the context's included, the batch may
	// or may not be (or become) applied, whole: apply it again, or read.
	Apply(ctx context.Context, b *Batch) error

	// Rooms returns every room that holds anything, by ascending ID.
	Rooms(ctx context.Context) ([]wire.ID, error)

	// Heads returns the state of each log of a room, by ascending log ID.
	Heads(ctx context.Context, room wire.ID) ([]Head, error)

	// Head returns the state of one log, or ErrNotFound.
	Head(ctx context.Context, room, log wire.ID) (Head, error)

	// LastArrival returns the highest arrival number given in a room; 0 for a room not held.
	LastArrival(ctx context.Context, room wire.ID) (uint64, error)

	// NextArrival returns the least arrival number that a run of a room may be given: above those given in it
	// or, in a room not held, above those of every room that was dropped, since it may be this one that comes back.
	NextArrival(ctx context.Context, room wire.ID) (uint64, error)

	// Records yields the records of one kind of a room, by ascending ID.
	Records(ctx context.Context, room wire.ID, kind Kind) iter.Seq2[Record, error]

	// Record returns one record, or ErrNotFound.
	Record(ctx context.Context, room wire.ID, kind Kind, id wire.ID) (Record, error)

	// Runs yields the runs of a log ascending, starting with the run that contains message
	// number from, or the first one above it that is held.
	Runs(ctx context.Context, room, log wire.ID, from uint64) iter.Seq2[Run, error]

	// RunsBack yields the runs of a log descending, starting with the run that contains message
	// number from, or the last one below it; TrimAll stands for the end.
	RunsBack(ctx context.Context, room, log wire.ID, from uint64) iter.Seq2[Run, error]

	// RunAt returns the run that contains message number, or ErrNotFound.
	RunAt(ctx context.Context, room, log wire.ID, number uint64) (Run, error)

	// Arrivals yields the runs of a room by ascending arrival number, from the first
	// one above after.
	Arrivals(ctx context.Context, room wire.ID, after uint64) iter.Seq2[Run, error]

	// ArrivalsBack yields the runs of a room by descending arrival number, from the last one
	// below before; 0 stands for the end.
	ArrivalsBack(ctx context.Context, room wire.ID, before uint64) iter.Seq2[Run, error]

	// Value returns the value of a key, or ErrNotFound.
	Value(ctx context.Context, key string) ([]byte, error)

	// Values yields the values whose keys begin with prefix, by ascending key.
	Values(ctx context.Context, prefix string) iter.Seq2[Value, error]

	// Stats returns the store's counters.
	Stats() Stats

	// Close releases the store. It is idempotent; other methods return ErrClosed from then on.
	// Calls of Apply that are under way end, with success or ErrClosed.
	Close() error
}

// Shared is a store of an engine whose database several peers use, each through a store of its own
// with its own order of arrival. What one stores the others do not hold by that: they take it as if it came from a
// session, and judge it themselves.
type Shared interface {
	Store

	// Others returns runs and records of a room that the stores of other peers in the database hold and
	// this one does not: records first, each log's runs ascending and continuing what this one holds, unless the other's begin
	// above that. Their Arrival is 0. What a log was not behind by at the call before is left for the next one: the sessions bring
	// what is new. more says that there is more than was returned, for who asks again after having stored these. What was returned
	// and not stored comes again, from time to time.
	Others(ctx context.Context, room wire.ID) (runs []Run, records []Record, more bool, err error)
}
