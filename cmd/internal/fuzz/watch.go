package fuzz

import (
	"bytes"
	"errors"
	"regexp"
	"sync/atomic"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

// The kinds of findings.
const (
	KindRule       = "rule"       // the peer broke a rule of the protocol
	KindCode       = "code"       // it gave a code that does not exist, or says that it failed
	KindTold       = "told"       // it told what it may not tell
	KindSilent     = "silent"     // it does not answer
	KindAccepted   = "accepted"   // it took a record that is no good one
	KindLost       = "lost"       // what an honest user wrote is not there as it was written
	KindEnded      = "ended"      // its process has ended
	KindMemory     = "memory"     // it takes more memory than its bound
	KindGoroutines = "goroutines" // goroutines are left behind
	KindLog        = "log"        // its log tells of an error
)

// A Problem is what is wrong.
type Problem struct{ Kind, Text string }

func (p *Problem) String() string { return p.Kind + ": " + p.Text }

// numbers are what two texts of the same problem may differ in.
var numbers = regexp.MustCompile(`[0-9a-z]{52}|0x[0-9a-f]+|[0-9]+`)

// same tells whether two problems are one, as far as can be said.
func (p *Problem) same(other *Problem) bool {
	if p == nil || other == nil || p.Kind != other.Kind {
		return false
	}
	switch p.Kind {
	case KindEnded, KindMemory, KindGoroutines, KindSilent, KindLog:
		return true // the text is about the whole process
	}
	return numbers.ReplaceAllString(p.Text, "#") == numbers.ReplaceAllString(other.Text, "#")
}

// read takes what comes until a frame is wanted, the connection ends, or nothing
// more has come by then.
func (p *player) read(l *wireline, by time.Time, want func(script.Incoming) bool) (got *script.Incoming) {
	for p.problem == nil && !l.over {
		in, err := l.conn.Next(by)
		var broken *script.Violation
		switch {
		case script.TimedOut(err):
			return nil
		case errors.As(err, &broken):
			p.found(KindRule, "%v", broken)
			return nil
		case err != nil:
			l.over = true
			p.note("%d < the end", l.number)
			return nil
		}
		p.see(l, in)
		if want != nil && want(in) {
			return &in
		}
		if p.ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

// await waits for a frame of a type. The end of the newest stream of this side's says that it does not come.
func (p *player) await(l *wireline, t wire.Type) {
	l.awaited = nil
	if err := l.flush(); err != nil {
		p.failed(l, err)
		return
	}
	if l.stalled {
		return
	}
	within := awaitWithin
	if t == wire.TypeRanges || t == wire.TypePull {
		within = delayedWithin
	}
	got := p.read(l, time.Now().Add(within), func(in script.Incoming) bool {
		end, ok := in.Message.(*wire.StreamEnd)
		return in.Type == t || ok && end.Stream == l.newest
	})
	if got != nil && got.Type == t {
		l.awaited = got
	}
}

// inside are words that belong into a log.
var inside = regexp.MustCompile(`panic|runtime error|goroutine |\.go:[0-9]`)

// see judges a frame of the peer's.
func (p *player) see(l *wireline, in script.Incoming) {
	p.note("%d < %s on %d, %d bytes", l.number, typeName(in.Type), in.Stream, len(in.Body))
	for _, s := range p.w.secrets {
		if bytes.Contains(in.Body, s.bytes) {
			p.found(KindTold, "%s is told to the %s, in a %s", s.what, p.w.script.Role, typeName(in.Type))
		}
	}
	var code wire.Code
	var text string
	switch m := in.Message.(type) {
	case *wire.Close:
		code, text = m.Code, m.Text
	case *wire.StreamEnd:
		if code, text = m.Code, m.Text; code == l.ended[m.Stream] {
			code = 0 // an end is answered with the same code
		}
	case *wire.RoomClose:
		code = m.Code
	case *wire.AppendRefused:
		code, text = m.Code, m.Text
	}
	if code != 0 || text != "" {
		p.note("    code %d (%v) %q", code, code, text)
	}
	switch {
	case code > wire.CodeInvalid:
		p.found(KindCode, "a %s has the code %d, which does not exist", typeName(in.Type), code)
	case code == wire.CodeInternal:
		p.found(KindCode, "a %s says that the peer failed: code 2 (%v) %q", typeName(in.Type), code, text)
	case inside.MatchString(text):
		p.found(KindTold, "a %s tells what belongs into a log: %q", typeName(in.Type), text)
	}
}

// lastPing is the number of the ping at a connection's end.
const lastPing = 0xf00d

// finish wants a connection answered, or ended.
func (p *player) finish(l *wireline) {
	l.stalled, l.conn.NoCredit, l.conn.NoPong = false, false, false
	if l.over {
		return
	}
	if !l.leaving && !l.mute {
		err := l.flush()
		if err == nil {
			err = l.conn.Send(script.Frame(0, &wire.Ping{Seq: lastPing}))
		}
		if p.failed(l, err); l.over {
			return
		}
	}
	by := p.w.target.soon()
	if l.mute {
		by = time.Now().Add(drainFor) // it may wait for the rest for as long as pings go on
	}
	got := p.read(l, by, func(in script.Incoming) bool {
		pong, ok := in.Message.(*wire.Pong)
		return ok && pong.Seq == lastPing
	})
	switch {
	case l.over || l.mute:
	case got != nil && l.damaged:
		p.found(KindAccepted, "a record was damaged, and the session goes on")
	case got == nil && l.damaged:
		p.found(KindSilent, "connection %d: a record was damaged, and the session is not ended", l.number)
	case got == nil:
		p.found(KindSilent, "connection %d: neither an answer to a ping nor the end comes within %v", l.number, p.w.target.AnswerWithin)
	case !l.leaving:
		_ = l.conn.Send(script.Frame(0, &wire.Close{})) // the peer may be gone
	}
}

// Counts are what was done so far.
type Counts struct {
	Episodes, Sessions, Frames atomic.Uint64
}
