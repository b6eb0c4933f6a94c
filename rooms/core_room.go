package rooms

import (
	"time"

	"parley/wire"
)

// A room is one room's state.
type room struct {
	id       wire.ID
	openRoom bool
	auth     *Authority // nil in open rooms

	// Durable sets, as compared with others.
	entries, boxes, proofs, logTree rangeTree
	digests                         [2]digest16 // by level, see digest
	digestsFresh                    bool

	logs       map[wire.ID]*logState
	boxInfo    map[wire.ID]*heldBox
	boxPlaces  map[boxPlace][]wire.ID
	boxesFor   map[wire.ID][]wire.ID // by recipient, durable ones in order
	proofByLog map[wire.ID]*Proof
	proofs2    map[wire.ID]*Proof
	stopped    bool                      // some log was ended by an entry
	delegs     map[wire.ID][]*Delegation // by peer
	delegCount int
	users      map[wire.ID]bool // keeps the room for
	attachedAs map[wire.ID]*Delegation
	linkAs     map[wire.ID]*Delegation // the link's that a user has shown since the start: a former member may come back by it
	own        *Delegation             // of this peer, the one presented

	links []*link

	arrival         uint64 // last number given
	clock           uint64
	recent          []wire.Ref // newest first, of different logs
	messages, bytes uint64     // durable

	wants       map[wire.ID]*want
	wantQueue   []*want
	parkedCount int
	parkedBytes int
	blocked     []*logState // logs whose first parked run waits for an entry
	hunts       int

	// How the room's logs were judged last: by which entries of how many that were held, and the number of entries
	// by which all was found out and is on disk.
	counted                bitset
	countedOf              int
	judgedAny              bool
	judgedOn               int
	judging                bool                // not all logs that are to be judged have been begun with
	notices                map[wire.ID]*notice // by log
	noticeDue              bool
	inFlight               int // batches
	reloading, durableMark bool
	loading                bool // not read from the store yet
	afterLoad              []func()
	lastReceived           int64
	changed                time.Time // when a log or record became durable
	failed                 bool      // a batch failed: waits for the others, then for Loaded
	failure                error     // why the last batch failed
	hold                   time.Duration
	holdTill               time.Time

	watchers  []*request
	followers []*request
	placed    []*request

	open  *openState      // of open rooms
	heads [][]wire.ID     // the lists of heads named last, shared by logs
	shown []wire.TailItem // in this step
	push  [][]byte        // runs written here that became durable in this step

	touchedFlag, planDue, rightsDue, viewDue bool
	planTimer, watchTimer                    bool
	placedDue                                bool
}

// A logState is one log of a room.
type logState struct {
	id      wire.ID
	author  wire.ID
	state   *LogState // staged: what the next run is judged against; nil: nothing is held
	durable uint64    // last durable message
	before  uint64    // what durable was before the Persisted being handled
	durLink wire.ID
	floor   uint64
	bytes   uint64
	staged  []stagedRun // not durable yet, ascending

	limitLink  wire.ID
	why        Reason // of the limit
	cutting    bool
	fork       *forkState // in a private room
	fault      *fault     // what its author might not write
	rechecking *rechecking
	recheckDue bool // when what is staged is durable
	hidden     []*hiddenBranch
	moving     bool      // what is beyond its end is being hidden
	reviving   bool      // a hidden run is being looked at
	floorState *LogState // at the floor, of a log that was trimmed
	floorDue   bool      // a floor is to be applied when nothing is under way
	trimming   bool      // the run at a floor is being looked at
	huntHold   time.Time
	limit      uint64 // where a leave or a fork ends the log; noLimit: nowhere
	end        *Pin   // where the held runs that count end, when more are held; Number 0: none counts
	parked     []*Run // runs behind a gap or waiting for an entry, ascending
	blocked    bool   // parked[0] would be next but waits for an entry
	hunting    bool   // for a fork
	listed     bool   // changed in this Persisted
	from       *link  // who brought the last run that became durable; nil: a user

	open *openLog
}

type stagedRun struct {
	last uint64
	link wire.ID
}
