package fuzz

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/wire"
)

// An Edit changes the bytes of a body: from Offset on, Delete of them go and
// Insert comes. Edits of a step are applied one after another.
type Edit struct {
	Offset, Delete int
	Insert         []byte
}

func (e Edit) apply(b []byte) []byte {
	at := min(e.Offset, len(b))
	end := min(at+e.Delete, len(b))
	return append(append(append([]byte{}, b[:at]...), e.Insert...), b[end:]...)
}

// The operations of steps.
const (
	opDial    = "dial"    // connect, with a handshake as Who, in a Role; no Hello yet
	opSend    = "send"    // a frame
	opLater   = "later"   // a later fragment of a frame
	opAwait   = "await"   // a frame of a type, as long as it is worth waiting for
	opRecord  = "record"  // what is done to records: Kind and N
	opStall   = "stall"   // read nothing and give no credit
	opResume  = "resume"  // read again
	opMute    = "mute"    // answer no pings
	opHalf    = "half"    // close the sending half of the connection
	opCut     = "cut"     // close the connection
	opClose   = "close"   // send Close with code N
	opWait    = "wait"    // for Wait
	opEpisode = "episode" // all of the steps of an episode, by number
)

// The roles in which a step dials.
const (
	asPeer = "peer"
	asUser = "user"
)

// A Step is one thing that is done on one of a script's connections, which are
// numbered.
type Step struct {
	Conn   int
	Op     string
	Who    string    // of dial: the name of an identity
	Kind   string    // of dial: peer or user; of record: what is done, see recordOps
	Stream uint32    // of send and later
	Answer bool      // of send: on the stream of the frame awaited last; not at all if none came
	Type   wire.Type // of send and await
	Body   []byte    // of send, before Edits; of later: the chunk
	Edits  []Edit    // of send
	Parts  int       // of send: in so many fragments; 0: one
	Total  uint64    // of send in parts: the total that is claimed; 0: the right one
	Hold   bool      // of send: put into one record with the next
	N      uint64    // of record, close and episode
	Wait   time.Duration
}

// streamName is how a step's stream is written.
func (s *Step) streamName() string {
	if s.Answer {
		return "="
	}
	return strconv.FormatUint(uint64(s.Stream), 10)
}

func typeName(t wire.Type) string {
	if row, ok := wire.Lookup(t); ok {
		return row.Name
	}
	return strconv.Itoa(int(t))
}

func hexOf(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	return hex.EncodeToString(b)
}

// String is the step as a line.
func (s Step) String() string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%d %s", s.Conn, s.Op)
	switch s.Op {
	case opDial:
		fmt.Fprintf(b, " %s %s", s.Who, s.Kind)
	case opSend:
		fmt.Fprintf(b, " %s %s %s", s.streamName(), typeName(s.Type), hexOf(s.Body))
		for _, e := range s.Edits {
			fmt.Fprintf(b, " edit %d %d %s", e.Offset, e.Delete, hexOf(e.Insert))
		}
		if s.Parts > 0 {
			fmt.Fprintf(b, " parts %d", s.Parts)
		}
		if s.Total > 0 {
			fmt.Fprintf(b, " total %d", s.Total)
		}
		if s.Hold {
			b.WriteString(" hold")
		}
	case opLater:
		fmt.Fprintf(b, " %s %s", s.streamName(), hexOf(s.Body))
	case opAwait:
		b.WriteString(" " + typeName(s.Type))
	case opRecord:
		fmt.Fprintf(b, " %s %d", s.Kind, s.N)
	case opClose, opEpisode:
		fmt.Fprintf(b, " %d", s.N)
	case opWait:
		b.WriteString(" " + s.Wait.String())
	}
	return b.String()
}

// A line is the words of a line that are not read yet. The first error stays.
type line struct {
	words []string
	err   error
}

func (l *line) word() string {
	if len(l.words) == 0 {
		l.fail("it ends too early")
		return ""
	}
	w := l.words[0]
	l.words = l.words[1:]
	return w
}

func (l *line) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
}

func (l *line) number(bits int) uint64 {
	w := l.word()
	n, err := strconv.ParseUint(w, 10, bits)
	if err != nil {
		l.fail("%q is no number of %d bits", w, bits)
	}
	return n
}

func (l *line) hex() []byte {
	w := l.word()
	if w == "-" {
		return nil
	}
	b, err := hex.DecodeString(w)
	if err != nil {
		l.fail("%.20q is not hexadecimal", w)
	}
	return b
}

func (l *line) typ() wire.Type {
	w := l.word()
	for _, row := range wire.Rows() {
		if row.Name == w {
			return row.Type
		}
	}
	n, err := strconv.ParseUint(w, 10, 16)
	if err != nil {
		l.fail("%q is no message type", w)
	}
	return wire.Type(n)
}

func (l *line) stream(s *Step) {
	if len(l.words) > 0 && l.words[0] == "=" {
		l.word()
		s.Answer = true
		return
	}
	s.Stream = uint32(l.number(32))
}

// parseStep reads what String writes.
func parseStep(text string) (s Step, err error) {
	l := &line{words: strings.Fields(text)}
	s.Conn, s.Op = int(l.number(16)), l.word()
	switch s.Op {
	case opDial:
		s.Who, s.Kind = l.word(), l.word()
		if s.Kind != asPeer && s.Kind != asUser {
			l.fail("nobody dials as %q", s.Kind)
		}
	case opSend:
		l.stream(&s)
		s.Type, s.Body = l.typ(), l.hex()
		l.sendOptions(&s)
	case opLater:
		l.stream(&s)
		s.Body = l.hex()
	case opAwait:
		s.Type = l.typ()
	case opRecord:
		s.Kind, s.N = l.word(), l.number(64)
		if recordOps[s.Kind] == nil {
			l.fail("nothing named %q is done to records", s.Kind)
		}
	case opClose, opEpisode:
		s.N = l.number(64)
	case opWait:
		w := l.word()
		if s.Wait, err = time.ParseDuration(w); err != nil || s.Wait < 0 || s.Wait > maxWait {
			l.fail("%q is no wait of up to %v", w, maxWait)
		}
	case opStall, opResume, opMute, opHalf, opCut:
	default:
		l.fail("there is no operation %q", s.Op)
	}
	if len(l.words) > 0 {
		l.fail("%q is too much", l.words[0])
	}
	return s, l.err
}

func (l *line) sendOptions(s *Step) {
	for len(l.words) > 0 && l.err == nil {
		switch w := l.word(); w {
		case "edit":
			s.Edits = append(s.Edits, Edit{Offset: int(l.number(31)), Delete: int(l.number(31)), Insert: l.hex()})
		case "parts":
			s.Parts = int(l.number(16))
		case "total":
			s.Total = l.number(64)
		case "hold":
			s.Hold = true
		default:
			l.fail("a send has nothing named %q", w)
		}
	}
}
