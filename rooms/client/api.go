package client

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// Config is what a Client needs. Dir, Identity and Network are required; where
// the peer is comes from Locate, or from Addr and PeerID.
type Config struct {
	Identity *identity.Private
	Network  identity.Network
	Dir      string // the user's folder: writer state, epoch keys, tokens, names

	Addr   string  // host:port of the peer
	PeerID wire.ID // who must answer there; zero: anybody (only sensible for a first contact)
	// Locate, when set, is asked before every dial instead of Addr and PeerID:
	// a daemon that restarted may listen elsewhere.
	Locate func(ctx context.Context) (addr string, peer wire.ID, err error)
	// Dialer, when set, opens the connection instead of a TCP dial.
	Dialer func(ctx context.Context, addr string) (net.Conn, error)

	// Key, when set, is the file of Identity, which other processes of the user may
	// change, and in which the agent forgets older sealing keys.
	Key KeyFile

	// Patience is how long what is under way waits for a peer that is gone and may come back, without progress; 0: 30 s. A
	// context that ends first ends it.
	Patience time.Duration

	Software string       // told to the peer in Hello
	Logger   *slog.Logger // nil: silent
	Notice   func(string) // one-line messages for the user; nil: dropped
	Now      func() time.Time
}

// A KeyFile is where an identity is kept.
type KeyFile interface {
	// Load reads the identity again.
	Load() (*identity.Private, error)
	// Change changes the identity as it is in the file and saves it, while no other
	// process changes it, and returns what was saved.
	Change(ctx context.Context, change func(*identity.Private) error) (*identity.Private, error)
}

// Errors that the caller of a Client may want to tell apart. Other failures
// are *wire.Error (with the code the peer gave) or plain errors.
var (
	ErrNoDaemon   = errors.New("no daemon answers")                       // exit 3
	ErrWrongPeer  = errors.New("another peer answers than the one asked") // exit 3
	ErrNotMember  = errors.New("you are not a member of this room")       // exit 4
	ErrReadOnly   = errors.New("you may read this room, not write")       // exit 4
	ErrUnsealed   = errors.New("somebody who is no member could read it") // exit 5
	ErrNoRoom     = errors.New("no room of that name")
	ErrNoMember   = errors.New("no member of this room")
	ErrOpenRoom   = errors.New("an open room has no members and no rules")
	ErrNoPerson   = errors.New("nobody of that name")
	ErrAmbiguous  = errors.New("the name fits several")
	ErrBadName    = errors.New("not a name for a room or a person")
	ErrNoKey      = errors.New("no key for this epoch yet")
	ErrNoToken    = errors.New("no such token")
	ErrEmpty      = errors.New("an empty message")
	ErrTooLarge   = errors.New("message too large")
	ErrCursor     = errors.New("not a cursor of this room")
	ErrNoProgress = errors.New("no progress in time") // exit 5
)

// LobbyName is the open room that always exists.
const LobbyName = "lobby"

// A Room is a room as the user knows it.
type Room struct {
	ID   wire.ID
	Name string  // local name; "lobby" for the lobby, "@" and the person of a room of two
	Open bool    // an open room of the network: anybody of the network reads and writes
	With wire.ID // the other user of a room of two; else zero
}

// CreateOptions describe a new room.
type CreateOptions struct {
	Name       string
	Topic      string
	JoinedOnly bool   // history from join on; default: all of it
	Capacity   uint64 // most members; 0: no bound
}

// InviteOptions describe an invitation. Role is "member", "reader" or "relay".
type InviteOptions struct {
	Uses      int           // default 1
	Expires   time.Duration // default 24 h
	Role      string        // default "member"
	Addresses []string      // host:port to put into the link; default: the peer's own
}

// An Invitation is a link; whoever has it can read the room until it ends.
type Invitation struct {
	Link    string // parley:…
	Entry   wire.ID
	Uses    int
	Expires time.Time
	Role    string
}

// JoinOptions direct a join.
type JoinOptions struct {
	Name     string         // local name; default: the room's own
	NoWait   bool           // do not wait for the first sync
	Timeout  time.Duration  // without progress; 0: none
	Progress func(Progress) // may be nil

	held bool // the peer had the room before
}

// Progress of a first sync.
type Progress struct {
	Messages uint64 // held by the peer
	Missing  uint64 // known to exist and not yet held
	Peers    uint64 // that have the room
	Done     bool
}

// RoomInfo is a room with what the peer holds of it.
type RoomInfo struct {
	Room
	Topic    string
	Title    string // the name its founder gave it
	History  string // "all", "joined"; "" in open rooms
	Role     string // the user's
	Members  int
	Capacity uint64
	Created  time.Time
	Epochs   int
	Keys     int // epochs whose key the user holds
	Held     wire.RoomInfo

	Retention time.Duration // after which messages are forgotten; 0: never
	EpochAge  time.Duration // after which the key is changed; 0: never
	Beside    int           // newest epochs that stand beside each other: 1, unless two were begun at once
	Outsiders []string      // who holds the newest key and is no member any more
	Contests  []Contest
}

// A Contest is a reign that its master handed over more than once.
type Contest struct {
	Former, Master string   // as to be shown; Master's handover counts
	Others         []string // whom it handed over to as well
}

// A Removed person is kept out of a room.
type Removed struct {
	ID    wire.ID
	Shown string
	Ban   bool
	By    wire.ID
	Since time.Time
}

// A Member of a room.
type Member struct {
	ID      wire.ID
	Name    string // as claimed
	Shown   string // petname, or claim·fp4x
	Role    string
	Since   time.Time
	Self    bool
	Checked string // the day on which the user compared the fingerprint; "" if never
	Claims  bool   // Shown is the member's own claim, not a petname
}

// A LiveInvite is a link that may still be used: "anyone with this link can read".
type LiveInvite struct {
	Entry   wire.ID
	By      wire.ID
	Role    string
	Uses    int
	Used    int
	Expires time.Time
}

// SendOptions direct one Send.
type SendOptions struct {
	// Key names the message: a second Send with the same Key in the same room
	// sends nothing and returns the first one's Result.
	Key string
	// Anyway sends though somebody who was removed, or left, holds the room's
	// newest key still. Without it Send waits until the key was changed.
	Anyway bool
}

// A Result names a durable message.
type Result struct {
	ID  wire.ID // of the message
	Log wire.ID
	Seq uint64 // in Log, from 1
}

// A Source gives Pipe its messages.
type Source interface {
	// Next waits for at least one message and returns those that are there, at
	// most max of them. Pipe keeps them until they are acknowledged: the source
	// must not reuse their memory. io.EOF ends the pipe.
	Next(ctx context.Context, max int) ([][]byte, error)
}

// PipeOptions direct one Pipe.
type PipeOptions struct {
	// Results, when set, is called in order with what became durable. An error
	// stops the pipe.
	Results func([]Result) error
	// Progress, when set, is called from time to time with the number of
	// messages that are durable.
	Progress func(durable uint64)
	Anyway   bool // as in SendOptions
}

// A Summary tells what a Pipe did.
type Summary struct {
	Messages uint64
	Last     Result // the last message; zero if there was none
}

// TailOptions direct one Tail.
type TailOptions struct {
	Last   int       // of the history only the newest Last messages; 0: all, < 0: none
	Follow bool      // go on with what arrives, across restarts of the daemon
	Sorted bool      // by causal time (history only)
	Since  time.Time // leave out what its author wrote before
	// Cursor is a file that remembers the place: each message is given once
	// across runs. Last is ignored once the file exists.
	Cursor string
	// Flush, when set, is called before Tail waits for more and before it saves
	// the cursor: write out there what was buffered.
	Flush func() error
	// Live, when set, is called once, when the history has been given.
	Live func()
	// Timeout is the longest time without progress before ErrNoProgress; 0: none.
	Timeout time.Duration
}

// A Message as Tail gives it. Data belongs to the receiver.
type Message struct {
	Room     wire.ID
	ID       wire.ID
	Log      wire.ID
	Seq      uint64
	Author   wire.ID
	Name     string    // as to be shown: petname, or claim·fp4x
	Claim    string    // the author's own name, unproven
	Time     time.Time // the author's clock
	Received time.Time // this peer's clock
	Epoch    wire.ID   // zero in open rooms
	Arrival  uint64
	Clock    uint64 // hybrid logical clock
	Data     []byte
	// Problem says why Data is empty: ErrNoKey, or that the message does not
	// open. nil otherwise.
	Problem error
}

// Lines returns a Source over the lines of r (or what sep separates), without
// their separators; a last line without one counts. An empty line is an empty
// message, which is left out. It reads r in one goroutine, which ends with r
// or, after its current read, with Close.
func Lines(r io.Reader, sep byte) *LineSource { return newLineSource(r, sep) }
