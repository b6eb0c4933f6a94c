package client

import (
	"context"
	"errors"
	"io"
	"iter"
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

	Software string       // told to the peer in Hello
	Logger   *slog.Logger // nil: silent
	Notice   func(string) // one-line messages for the user; nil: dropped
	Now      func() time.Time
}

// Errors that the caller of a Client may want to tell apart. Other failures
// are *wire.Error (with the code the peer gave) or plain errors.
var (
	ErrNoDaemon   = errors.New("no daemon answers")                       // exit 3
	ErrWrongPeer  = errors.New("another peer answers than the one asked") // exit 3
	ErrNotMember  = errors.New("you are not a member of this room")       // exit 4
	ErrReadOnly   = errors.New("you may read this room, not write")       // exit 4
	ErrNoRoom     = errors.New("no room of that name")
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

// API lists what a Client does; *Client is its only implementation here. It
// lets a program that uses a Client be tested without one.
type API interface {
	// Me and Peer are the IDs of the user and of the peer it is connected to.
	Me() wire.ID
	Peer() wire.ID
	// Close ends the session. It is idempotent.
	Close() error

	// Resolve finds a room by what a user types: a local name, lobby,
	// lobby@NETWORK of the current network, or at least 8 characters of an ID.
	// It needs no daemon. ErrNoRoom, ErrAmbiguous.
	Resolve(name string) (Room, error)
	// LocalRooms lists the rooms this home knows, lobby first. No daemon needed.
	LocalRooms() ([]Room, error)
	// CreateRoom founds a room: genesis, first epoch, own box, delegation.
	CreateRoom(ctx context.Context, opts CreateOptions) (Room, error)
	// Invite makes a link by which others join. Asks the peer for its
	// addresses if opts has none.
	Invite(ctx context.Context, room wire.ID, opts InviteOptions) (Invitation, error)
	// Join takes a link, becomes a member, and (unless opts.NoWait) waits for
	// the first sync; ErrNoProgress after opts.Timeout without progress.
	Join(ctx context.Context, link string, opts JoinOptions) (Room, error)
	// Leave ends the membership and forgets the room here.
	Leave(ctx context.Context, room wire.ID) error
	// Rooms lists the rooms with what the peer holds of them.
	Rooms(ctx context.Context) ([]RoomInfo, error)
	// Info tells about one room.
	Info(ctx context.Context, room wire.ID) (RoomInfo, error)
	// Members lists the members and the live invites of a room. In an open
	// room: the writers of the stored messages.
	Members(ctx context.Context, room wire.ID) ([]Member, []LiveInvite, error)
	// Verify compares a room with one peer (zero: with all connected).
	Verify(ctx context.Context, room, peer wire.ID) (*wire.Verified, error)

	// Send sends one message and returns when it is durable on the peer.
	Send(ctx context.Context, room wire.ID, data []byte, opts SendOptions) (Result, error)
	// Pipe sends what src gives until io.EOF, batching what is available, and
	// returns when all is durable. A Client may run several at once.
	Pipe(ctx context.Context, room wire.ID, src Source, opts PipeOptions) (Summary, error)
	// Placed asks on how many other peers' disks a message is, waiting up to
	// wait for replicas of them (0: for all that are connected).
	Placed(ctx context.Context, room wire.ID, at Result, replicas int, wait time.Duration) (on, of int, err error)
	// Tail reads a room. The sequence ends at the end of the history, or, with
	// Follow, when ctx ends. An error ends it.
	Tail(ctx context.Context, room wire.ID, opts TailOptions) iter.Seq2[*Message, error]

	// Status, Doctor and Tokens ask the peer.
	Status(ctx context.Context) (*wire.Status, error)
	Doctor(ctx context.Context) ([]wire.Finding, error)
	Tokens(ctx context.Context) ([]wire.TokenInfo, error)
	// RevokeToken revokes the token whose ID in hexadecimal begins with prefix.
	RevokeToken(ctx context.Context, prefix string) error
	// Peers lists sessions and sightings; with watch again at every change.
	Peers(ctx context.Context, watch bool) iter.Seq2[[]wire.PeerInfo, error]

	// People: petnames are the user's own, kept in the home.
	Petnames() (map[wire.ID]string, error)
	SetPetname(person wire.ID, name string) error // "" removes it
	// FindPerson finds an identity by petname, unique claimed name, name·fp4x,
	// or ID prefix, in all rooms of this home. ErrNoPerson, ErrAmbiguous (the
	// error lists the candidates).
	FindPerson(text string) (wire.ID, error)
	// NameOf is how to show an identity: its petname, else claim·fp4x.
	NameOf(id wire.ID, claim string) string
}

// A Room is a room as the user knows it.
type Room struct {
	ID   wire.ID
	Name string // local name; "lobby" for the lobby
	Open bool   // an open room of the network: anybody of the network reads and writes
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
}

// A Member of a room.
type Member struct {
	ID     wire.ID
	Name   string // as claimed
	Shown  string // petname, or claim·fp4x
	Role   string
	Since  time.Time
	Self   bool
	Claims bool // Shown is the member's own claim, not a petname
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
