package session

import (
	"time"

	"parley/wire"
	"parley/wire/seal"
)

// What the protocol fixes. Both sides must know and keep these.
const (
	// headerSize is the length field in front of a record.
	headerSize = 4

	// minRecord is the least value of the length field: one block of padding, and the tag.
	minRecord = seal.BlockSize + seal.TagSize

	// MaxPlaintext is the most that a record carries, in bytes: what fits into
	// wire.MaxRecord with padding, tag and length field.
	MaxPlaintext = (wire.MaxRecord-headerSize-seal.TagSize)/seal.BlockSize*seal.BlockSize - 1

	// MaxGenerationRecords and MaxGenerationBytes (sealed, with length fields)
	// bound what is sealed under one generation's keys, the record that marks
	// the rekeying included. They are far below where CBC under one key begins
	// to lose security (2^64 blocks), and keep little under any one key.
	MaxGenerationRecords = 1 << 20
	MaxGenerationBytes   = 8 << 30

	// MaxStreams is how many streams each side may have opened and not finished:
	// several for each room, pull or request at work, and little memory when hostile.
	MaxStreams = 128

	// FrameCost is what a frame takes of its stream's credit beside its body, in
	// bytes: about what holding it costs, so that small frames are not free.
	FrameCost = 64

	// The credit with which a stream begins in each direction, in bytes. Bulk has
	// more, to keep a line of 50 MB/s busy over 20 ms.
	windowInteractive = 256 << 10
	windowLive        = 256 << 10
	windowBulk        = 1 << 20
)

// What this implementation chose. None of it is visible to the other side but
// as timing.
const (
	// maxFragmentHeader is the most that a fragment adds to its chunk of body:
	// array header, type, stream, byte string header, total.
	maxFragmentHeader = 1 + 3 + 5 + 5 + 5

	// minFragment is the least room in a record for which another fragment is
	// begun: below it, cutting costs more than it fills.
	minFragment = 1 << 10

	// wellFilled is from which size on a record is sent rather than filled up with
	// the beginning of a frame that the next record takes whole: cutting a frame
	// costs the receiver a copy of it.
	wellFilled = MaxPlaintext / 4 * 3

	// maxControlFrame is the room that any frame of stream 0 needs.
	maxControlFrame = 512 + maxFragmentHeader

	// sendQueue is how many bytes wait in a stream before Send blocks:
	// a few records, so that the writer always finds a full one.
	sendQueue = 256 << 10

	// idleBuffer is the buffer of a connection that waits for a record: enough
	// for a short live message. Larger ones come from a pool when needed.
	idleBuffer = 512

	// keepQueue is how many elements an empty queue keeps room for.
	keepQueue = 16

	// assembleGrowth is by how much the buffer of an unfinished frame grows when
	// it is full: at first it holds one fragment, and never more than its total.
	assembleGrowth = 4

	// pingInterval is how often a session looks whether anything has arrived. A
	// dead one is noticed after two unanswered pings, in at most
	// (missedPings+2)·pingInterval = 4 s; an idle one costs a ping each 2 s.
	pingInterval = time.Second
	missedPings  = 2

	// rttInterval is how often a session that is not idle measures its round trip.
	rttInterval = 10 * time.Second

	// helloTimeout is for the exchange of Hello: three retransmissions.
	helloTimeout = 5 * time.Second

	// drainTime is how long Close waits for what is queued to be sent, and
	// lingerTime how long for the other side to have read it.
	drainTime  = 500 * time.Millisecond
	lingerTime = time.Second
)

// bodySizes are the capacities of pooled buffers for bodies, in bytes. Larger
// bodies are rare, and their buffers are not kept.
var bodySizes = [...]int{256, 1 << 10, 4 << 10, 16 << 10, 64 << 10}

// Tokens.
const (
	// TokenLife is how long a token is valid.
	TokenLife = 30 * 24 * time.Hour

	// maxUserTokens is how many live tokens one user has: a few machines, each
	// with a few homes. One more replaces the one used longest ago.
	maxUserTokens = 16

	// maxTokens bounds the tokens of all users: about 15 MB on the disk. One more
	// replaces the one used longest ago, whose user proves itself by signature again.
	maxTokens = 10000

	// usedEvery is how exactly the time of last use is kept through a restart:
	// writing it down each time would cost a commit for each short session.
	usedEvery = time.Hour
)
