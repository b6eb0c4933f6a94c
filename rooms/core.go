package rooms

import (
	"hash"
	"time"

	"parley/handshake/identity"
	"parley/store"
	"parley/wire"
)

// Config is what a Core needs to know.
type Config struct {
	Self      wire.ID          // this peer
	Network   identity.Network // for the open rooms' IDs
	OpenRooms []string         // names of the open rooms kept; nil: Lobby only
	Open      OpenLimits       // zero fields: the defaults
}

// A Core decides what a peer stores, shows, sends and answers: it is the sync
// of rooms as the document "Sync" lays it down, without sockets, disk, clock or
// goroutines. Events go in, effects come out; equal events give equal effects.
// It is not safe for concurrent use: one goroutine drives it.
type Core struct {
	cfg   Config
	now   time.Time
	out   []Effect
	ready bool

	rooms    map[wire.ID]*room
	roomList []*room // in the order in which they were taken up
	peers    map[PeerKey]*peer
	peerList []*peer // in the order in which they came
	reqs     map[ReqKey]*request
	pulls    map[PullKey]*pull
	finds    map[uint64]func(*Run)
	users    map[wire.ID]int // rooms kept for a user
	noticed  []*request      // who follow their notices

	verifies int
	lastPull PullKey
	lastFind uint64

	flight    *flight   // being filled in this step, nil if empty
	flights   []*flight // handed out, not yet answered, in order
	lastBatch uint64

	timers  timers
	wake    time.Time
	touched []*room // to be settled at the end of this step
	freed   []*peer // whose pulls ended

	stats CoreStats
}

// CoreStats are counts since the core was made.
type CoreStats struct {
	Rooms, Peers, Requests   int    // now
	Logs, Messages           uint64 // now, durable, over all rooms
	Appended, Received       uint64 // messages taken from users and from peers
	Duplicates, Parked, Void uint64 // runs
	Hidden, Revived          uint64 // messages that stopped counting, and that count again
	Gaps, Pulls, Walks       uint64
	Offenders, Forks         uint64
	FailedBatches, Limited   uint64
}

// New returns a core that knows nothing yet: its first events are Loaded.
func New(cfg Config) *Core {
	cfg.Open = cfg.Open.withDefaults()
	if cfg.OpenRooms == nil {
		cfg.OpenRooms = []string{Lobby}
	}
	return &Core{
		cfg:   cfg,
		rooms: make(map[wire.ID]*room),
		peers: make(map[PeerKey]*peer),
		reqs:  make(map[ReqKey]*request),
		pulls: make(map[PullKey]*pull),
		finds: make(map[uint64]func(*Run)),
		users: make(map[wire.ID]int),
	}
}

// A peer is one session with another peer.
type peer struct {
	key       PeerKey
	id        wire.ID
	name      string
	initiator bool // this side began the handshake
	mac       hash.Hash
	gone      bool

	links []*link          // rooms shared on this session, in the order of their opening
	refs  map[uint64]*link // by every ref it is known by; nil: closed
	mine  []wire.ID        // rooms offered by this side; its index makes the ref
	count uint64           // rooms offered by the other side
	first bool             // the first Offer was received or, by the initiator, sent

	tags      map[digest16]*room // own rooms under the other's role; nil: not made
	tagsTimer bool
	refused   int // records that broke a rule
	requests  bucket
	newLogs   bucket
	pulls     int     // running on the session
	waiting   []*link // whose rooms would pull more
}

// A link is one room on one session.
type link struct {
	p    *peer
	r    *room
	ref  uint64   // used in what is sent
	refs []uint64 // by which it is known
	gone bool

	right   Sync          // what the other side may have
	theirs  []*Delegation // presented, but not (yet) giving a right
	revoked bool          // it had more, and was asked for another delegation
	opens   int           // sent to it and not answered yet
	former  []wire.ID     // whose delegations gave it a right that ended, and who are told why
	mayAsk  bool          // the other side accepted ours: it sent State or InStep
	speaks  bool          // it has sent entries: what these name may be asked for
	ourKind Sync          // what the delegations presented ask for: the other side may come to accept any of them
	ours    *Delegation   // that it stands for
	tried   []wire.ID     // hashes of those presented since the other side was met or asked for another
	lost    bool          // the other side took its right away, and waits for all that may be presented

	told, their  digest16 // digests last sent and received
	toldAny, any bool

	// What the other side has, by log: base says that it has everything that is
	// durable here, but for the logs in marks, of which it has up to the number there.
	base      bool
	marks     map[wire.ID]uint64
	ahead     map[wire.ID]uint64 // what it has beyond what is durable here
	records   bool               // entries, boxes or proofs here that it is not known to have
	tentative bool               // Match said Known, its answer is awaited

	walk       *walk
	asks       []ask // Ranges and Fetches not answered yet, oldest first
	syncing    bool  // wants of a finished walk are under way
	compareDue bool
	misses     int
	fruitless  [2]digest16 // theirs and ours, compared without finding anything
	stateTimer bool

	announce map[wire.ID]bool // logs to be announced
	annTimer bool

	pulls     int  // of this room on this session
	waits     bool // for other rooms' pulls
	pulling   []*pull
	holdUntil time.Time // failed to deliver

	acks []*logState // gathered in a Persisted
}

// Step takes one event and returns what is to be done, in order. now must not go back.
// The slice is valid until the next Step.
func (c *Core) Step(now time.Time, ev Event) []Effect {
	if now.After(c.now) {
		c.now = now
	}
	clear(c.out)
	c.out = c.out[:0]
	c.handle(ev)
	c.timers.run(c)
	c.settle()
	c.flush()
	c.wakeUp()
	return c.out
}

func (c *Core) handle(ev Event) {
	if loaded, ok := ev.(Loaded); ok {
		c.onLoaded(&loaded)
		return
	}
	switch ev.(type) {
	case Found, Persisted: // of what was asked for rooms that are read
	default:
		if !c.ready {
			return
		}
	}
	switch ev := ev.(type) {
	case RunsIn:
		c.onRunsIn(&ev)
	case SharedIn:
		c.onSharedIn(&ev)
	case Persisted:
		c.onPersisted(&ev)
	case UserMessage:
		c.onUserMessage(&ev)
	case PeerMessage:
		c.onPeerMessage(&ev)
	case PullIn:
		c.onPullIn(&ev)
	case PullEnd:
		c.onPullEnd(&ev)
	case LiveDropped:
		c.onLiveDropped(&ev)
	case PeerUp:
		c.onPeerUp(&ev)
	case PeerDown:
		if p := c.peers[ev.Peer]; p != nil {
			c.dropPeer(p)
		}
	case UserEnd:
		c.onUserEnd(ev.Req)
	case UserGone:
		if q := c.reqs[ev.Req]; q != nil {
			c.endRequest(q)
		}
	case Found:
		if f := c.finds[ev.Find]; f != nil {
			delete(c.finds, ev.Find)
			f(ev.Run)
		}
	case Tick:
	}
}

func (c *Core) do(e Effect) { c.out = append(c.out, e) }

func (c *Core) note(r *room, p *peer, text string) {
	n := Note{Text: text}
	if r != nil {
		n.Room = r.id
	}
	if p != nil {
		n.Peer = p.key
	}
	c.do(n)
}

// touch marks a room for settle.
func (c *Core) touch(r *room) {
	if !r.touchedFlag {
		r.touchedFlag = true
		c.touched = append(c.touched, r)
	}
}

// settle does, once per step and room, what several changes may have asked for.
func (c *Core) settle() {
	c.planWaiting()
	for i := 0; i < len(c.touched); i++ { // grows while it runs
		r := c.touched[i]
		r.touchedFlag = false
		if r.viewDue {
			r.viewDue = false
			c.authorityChanged(r)
		}
		if r.rightsDue {
			r.rightsDue = false
			c.checkRights(r)
			c.do(Readers{Room: r.id})
		}
		if r.planDue {
			r.planDue = false
			c.plan(r)
		}
		if r.noticeDue {
			r.noticeDue = false
			c.tellNotices(r)
		}
		if r.placedDue {
			r.placedDue = false
			c.answerPlaced(r)
		}
		if len(r.shown) > 0 {
			c.do(Show{Room: r.id, Items: r.shown})
			r.shown = nil
		}
		if len(r.watchers) > 0 {
			c.watchSoon(r)
		}
	}
	clear(c.touched)
	c.touched = c.touched[:0]
}

// Find asks the store for a run; found is called with it, or nil, in a later step.
func (c *Core) find(r *room, log wire.ID, number uint64, found func(*Run)) {
	c.findIn(r.id, log, number, found)
}

// findIn is find under a room of the store: one of the rooms kept, or its HiddenRoom.
func (c *Core) findIn(room, log wire.ID, number uint64, found func(*Run)) {
	c.lastFind++
	c.finds[c.lastFind] = found
	c.do(Find{Find: c.lastFind, Room: room, Log: log, Number: number})
}

// MayRead reports whether a user may read a room's messages at this peer: of an
// open room anyone, else those for whom the room is kept and who are members.
func (c *Core) MayRead(user, id wire.ID) bool {
	r := c.rooms[id]
	if r == nil {
		return false
	}
	return r.openRoom || r.users[user] && r.auth.Now().Role(user) != RoleNone
}

// Stats returns the counts.
func (c *Core) Stats() CoreStats {
	s := c.stats
	s.Rooms, s.Peers, s.Requests = len(c.rooms), len(c.peers), len(c.reqs)
	for _, r := range c.roomList {
		s.Logs += uint64(len(r.logs))
		s.Messages += r.messages
	}
	return s
}

// PeerRooms is the number of rooms that are shared with a peer on a session.
func (c *Core) PeerRooms(key PeerKey) int {
	n := 0
	if p := c.peers[key]; p != nil {
		for _, l := range p.links {
			if l.usable() {
				n++
			}
		}
	}
	return n
}

// RoomValues is the prefix of the keys under which the core keeps a room's settings in the store.
func RoomValues(room wire.ID) string { return "room/" + room.String() + "/" }

// userValue says that a room is kept for a user, by the delegation of that hash.
func userValue(room, user, delegation wire.ID) store.Value {
	return store.Value{Key: RoomValues(room) + "user/" + user.String(), Value: delegation[:]}
}
