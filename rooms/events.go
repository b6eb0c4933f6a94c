package rooms

import (
	"parley/store"
	"parley/wire"
)

// An Event is something that happened outside the core: a session came or
// went, a message was received, a batch became durable, time passed. The core
// learns of nothing in another way.
type Event interface{ event() }

// PeerKey names one session with another peer. The caller numbers them; a
// number is never used again.
type PeerKey uint64

// PullKey names one request for runs. The core numbers them.
type PullKey uint64

// ReqKey names one request of a user, which is one stream of the user's
// session. The caller numbers them; a number is never used again.
type ReqKey uint64

// Parts are the signed records inside a message, parsed and with their
// signatures checked: work for all cores, done before the message becomes an
// event. Prepare makes them.
type Parts struct {
	Runs       []*Run      // of Push, Runs and Append, in their order
	Entries    []*Entry    // of Records and Submit; of OpenRoom and Submit the join comes first
	Boxes      []*Box      // of Records and Submit
	Proofs     []*Proof    // of Records
	Delegation *Delegation // of OpenRoom and Submit, nil if empty
}

// Loaded gives the core what the store holds of rooms: at the start of all of
// them, with All set in the last such event; and again of one room in answer to a Reload.
// Before the event with All set the core takes no other event than Loaded, and the answers to what it asks of the store meanwhile.
type Loaded struct {
	Rooms []*RoomData
	All   bool
}

// RoomData is what the store holds of one room, as read. The core parses it
// and trusts its signatures: they were checked when it was stored.
type RoomData struct {
	Room        wire.ID
	Records     []store.Record // of all kinds
	Values      []store.Value  // those whose keys begin with RoomValues(Room)
	Heads       []store.Head
	Hidden      []store.Head // of HiddenRoom(Room)
	LastArrival uint64       // the least number that the store takes, less one
	Index       []RunMeta    // of open rooms (IsOpen): all runs, in the order of their arrival; else empty

	parts *roomParts // see Parse
}

// RunMeta is what retention needs to know of a stored run.
type RunMeta struct {
	Log      wire.ID
	Last     uint64
	Size     uint64 // bytes
	Received int64  // Unix nanoseconds
}

// PeerUp says that a session with a peer of the network is established.
type PeerUp struct {
	Peer      PeerKey
	ID        wire.ID // of the other peer
	Name      string  // as it claims
	Initiator bool    // this side began the handshake
	Exporter  [32]byte
}

// PeerDown says that a session ended. Its pulls end with it, without PullEnd.
type PeerDown struct{ Peer PeerKey }

// PeerMessage is a message of a peer: every type of the interactive stream.
// Push, Pull and Runs come as events of their own.
type PeerMessage struct {
	Peer  PeerKey
	Msg   wire.Message
	Parts *Parts // of the types that carry signed records; nil: the core prepares them itself
}

// RunsIn brings runs of a peer, whose signatures were checked: those of one
// Push, when Pull is zero, or some of the answer to a pull.
type RunsIn struct {
	Peer PeerKey
	Ref  uint64  // of the Push
	Pull PullKey // or the pull that they answer
	Runs []*Run
}

// PullIn is a Pull of a peer, on a stream of its own. Stream is opaque and
// comes back in Serve.
type PullIn struct {
	Peer   PeerKey
	Stream any
	Msg    *wire.Pull
}

// PullEnd says that the stream of one of this core's pulls ended: in good
// order when Err is nil. It comes after all of its RunsIn.
type PullEnd struct {
	Pull PullKey
	Err  error
}

// LiveDropped says that a SendLive was not sent because the session's live
// queue was full.
type LiveDropped struct {
	Peer PeerKey
	Ref  uint64
}

// UserMessage is a request of a user whose key was proved in the handshake, or
// one more message of an Append request. The types are Submit, RoomDetach,
// AuthorityGet, RoomWatch, WriterGet, Append, PlacedGet, VerifyGet, RoomsGet and NoticesGet.
type UserMessage struct {
	Req   ReqKey
	User  wire.ID
	Msg   wire.Message
	Parts *Parts // of Submit and Append; nil: the core prepares them itself
}

// UserEnd says that the user has sent all of a request: the core ends it when
// everything is answered. RoomWatch, and AuthorityGet and NoticesGet with Follow, go on.
type UserEnd struct{ Req ReqKey }

// UserGone says that a request's stream is gone: nothing more can be answered.
type UserGone struct{ Req ReqKey }

// Persisted answers Persist effects: the batches From to To, both included,
// are durable when Err is nil, and none of them is applied otherwise. Batches are
// answered in the order of their numbers, each once.
type Persisted struct {
	From, To uint64
	Err      error
}

// Found answers a Find: Run is nil when the store has no such run.
type Found struct {
	Find uint64
	Run  *Run // parsed; its signature need not be checked again
}

// Tick says that the time of the last Wake has come. An early or a
// superfluous one does no harm.
type Tick struct{}

func (Loaded) event()      {}
func (PeerUp) event()      {}
func (PeerDown) event()    {}
func (PeerMessage) event() {}
func (RunsIn) event()      {}
func (PullIn) event()      {}
func (PullEnd) event()     {}
func (LiveDropped) event() {}
func (UserMessage) event() {}
func (UserEnd) event()     {}
func (UserGone) event()    {}
func (Persisted) event()   {}
func (Found) event()       {}
func (Tick) event()        {}
