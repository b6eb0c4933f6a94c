package rooms

import (
	"time"

	"parley/store"
	"parley/wire"
)

// An Effect is something the core wants done. The effects of a Step are
// carried out in their order; none of them answers in any other way than by an event.
type Effect interface{ effect() }

// Send sends a message on the session's interactive stream. It is never
// dropped: a session whose bounded queue overflows is ended instead.
type Send struct {
	Peer PeerKey
	Msg  wire.Message
	// Fill, when not empty, names boxes of Room whose bytes are to be read from the
	// store and appended, in this order, to Records.Records of Msg. Those no longer
	// held are left out. All of them fit in one frame.
	Room wire.ID
	Fill []wire.ID
}

// SendLive sends a Push on the session's live stream. When its queue is full
// it is dropped, and a LiveDropped follows.
type SendLive struct {
	Peer PeerKey
	Ref  uint64
	Msg  *wire.Push
}

// Persist makes a batch durable. Batches are numbered on from 1 and applied in
// that order; many may be in flight, and those that wait are best applied
// together, with one fsync. The answer is Persisted. The caller bounds the bytes
// in flight by not reading pulls and appends while there are too many.
type Persist struct {
	Batch uint64
	Data  *store.Batch
}

// Show gives readers of the room runs that were found valid, before they are
// durable here (their writer's peer has them on its disk, unless they are being written here).
type Show struct {
	Room  wire.ID
	Items []wire.TailItem
}

// Readers says that users of the room may have lost the right to read it: who follows it is asked about again by
// [Core.MayRead], before it is given what a later Show has.
type Readers struct{ Room wire.ID }

// Serve answers a PullIn: the runs that Wants ask for are read from the store
// and sent as Runs frames on the pull's stream, in the order of Wants and ascending in each log:
// all runs that contain a message of First to Last, the first and the last of them whole; then the stream ends.
type Serve struct {
	Peer   PeerKey
	Stream any
	Room   wire.ID
	Wants  []wire.Want
	Hidden []wire.Want // likewise, after these, of logs of HiddenRoom(Room)
}

// Refuse ends the stream of a PullIn with an error.
type Refuse struct {
	Peer   PeerKey
	Stream any
	Err    *wire.Error
}

// StartPull opens a bulk stream to the peer, sends Msg on it and reads Runs
// until it ends: RunsIn with this key, then PullEnd.
type StartPull struct {
	Peer PeerKey
	Pull PullKey
	Msg  *wire.Pull
}

// CancelPull resets the pull's stream. No PullEnd is expected; one that is
// under way, and runs that are, are ignored.
type CancelPull struct {
	Peer PeerKey
	Pull PullKey
}

// Reply answers a request of a user: with Msg, unless it is nil; or, with Err, by
// resetting its stream with this code and text. End ends the stream after Msg.
type Reply struct {
	Req ReqKey
	Msg wire.Message
	Err *wire.Error
	End bool
	// Fill, when not empty, names boxes of Room whose bytes are to be read from the
	// store and appended to Authority.Boxes of Msg, as in Send.
	Room wire.ID
	Fill []wire.ID
}

// Find asks for the run of a log that contains a number. The answer is Found.
type Find struct {
	Find   uint64
	Room   wire.ID
	Log    wire.ID
	Number uint64
}

// Dial asks for sessions with the peers at these addresses (host:port), which
// a user's invite link named.
type Dial struct{ Addresses []string }

// Offender says that a peer broke the protocol: its session is to be closed
// with Err, and the log to get one rate-limited line. The core has forgotten the
// session; no PeerDown is expected.
type Offender struct {
	Peer PeerKey
	Err  *wire.Error
}

// Reload asks for a room to be read from the store again, after a batch of it
// failed. The answer is Loaded with this room only. No batch of the room is in flight.
type Reload struct{ Room wire.ID }

// Wake asks for a Tick at a time; it replaces the last Wake. The zero time asks for none.
type Wake struct{ At time.Time }

// Note is something the operator should be able to find in the log.
type Note struct {
	Room wire.ID
	Peer PeerKey // zero: none
	Text string  // constant strings
	Log  wire.ID // zero: none
}

func (Send) effect()       {}
func (SendLive) effect()   {}
func (Persist) effect()    {}
func (Show) effect()       {}
func (Readers) effect()    {}
func (Serve) effect()      {}
func (Refuse) effect()     {}
func (StartPull) effect()  {}
func (CancelPull) effect() {}
func (Reply) effect()      {}
func (Find) effect()       {}
func (Dial) effect()       {}
func (Offender) effect()   {}
func (Reload) effect()     {}
func (Wake) effect()       {}
func (Note) effect()       {}
