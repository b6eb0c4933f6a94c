package handshake

import (
	"errors"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// FuzzOrder calls the state machines of two initiators and two responders in any order and feeds them with what any of them
// has written, as it was or altered. A model, which knows who wrote what in answer to what, says what must happen.
func FuzzOrder(f *testing.F) {
	cfg := newOrderConfigs(f)
	f.Fuzz(func(t *testing.T, calls []byte) {
		o := newOrder(t, cfg)
		for range 64 {
			if len(calls) == 0 {
				break
			}
			calls = o.call(calls)
		}
		o.agree()
	})
}

// orderSeeds are programs of FuzzOrder: see order.call.
func orderSeeds() map[string][]byte {
	return map[string][]byte{
		"signature": {0, 9, 0, 1, 8, 1, 0, 9, 2},
		"token":     {2, 9, 0, 1, 10, 1, 2, 9, 2},
		"crossed":   {0, 2, 9, 1, 11, 0, 1, 3, 8, 2, 10, 2, 2, 11, 4, 9, 4},
		"self":      {0, 11, 0, 3, 8, 1, 0},
		"altered":   {0, 9, 0, 1, 24, 1, 3, 200, 8, 1, 0, 9, 2},
	}
}

func TestTheSeedsOfFuzzOrderGoAllTheWay(t *testing.T) {
	cfg := newOrderConfigs(t)
	for name, got := range map[string]int{"signature": 2, "token": 2, "crossed": 2, "self": 0, "altered": 0} {
		o := newOrder(t, cfg)
		for b := orderSeeds()[name]; len(b) > 0; {
			b = o.call(b)
		}
		for _, p := range o.parties {
			if p.got != nil {
				got--
			}
		}
		if o.agree(); got != 0 {
			t.Errorf("%s: %d results are missing", name, got)
		}
	}
}

// orderConfigs are of ada, who proves herself by signature, of eve with a token for the first responder, of that one and of
// ada again, since nobody may shake hands with itself.
type orderConfigs struct{ ada, eve, peer, self *Config }

func newOrderConfigs(t testing.TB) orderConfigs {
	ada, peer := pair(t, false)
	ada.Expect = wire.ID{}
	eve := &Config{Identity: newIdentity(t, "eve"), Network: ada.Network, Expect: peer.Identity.ID()}
	s := newToken(t, eve.Identity)
	eve.Token, peer.Tokens = &s.token, s
	return orderConfigs{ada, eve, peer, &Config{Identity: ada.Identity, Network: ada.Network}}
}

// A party is one machine with what the model knows of it.
type party struct {
	cfg  *Config
	i    *Initiator
	r    *Responder
	step int // calls that succeeded; spent after one that did not
	read *written
	sent *written
	got  *Result
}

// A written message, and what its writer had read.
type written struct {
	by      *party
	n       int // message 1, 2 or 3
	bytes   []byte
	replyTo *written
}

type order struct {
	t       *testing.T
	parties [4]*party
	tape    []*written
}

func newOrder(t *testing.T, cfg orderConfigs) *order {
	o := &order{t: t}
	for n, c := range []*Config{cfg.ada, cfg.peer, cfg.eve, cfg.self} {
		p := &party{cfg: c}
		if n%2 == 0 {
			p.i = must[*Initiator](t)(NewInitiator(c))
		} else {
			p.r = must[*Responder](t)(NewResponder(c))
		}
		o.parties[n] = p
	}
	return o
}

// call makes the call that the next bytes say: two bits for the machine, two for what it does, then which message it
// reads and what is altered in it.
func (o *order) call(b []byte) []byte {
	p, what := o.parties[b[0]&3], int(b[0]>>2&3)
	alter := b[0]>>4 != 0
	b = b[1:]
	if what == 0 { // the next write, or the one that is not due
		o.write(p, p.step == 2)
		return b
	}
	if what == 1 {
		o.write(p, p.step != 2)
		return b
	}
	if len(o.tape) == 0 || len(b) == 0 {
		return b
	}
	m := *o.tape[int(b[0])%len(o.tape)]
	b = b[1:]
	if alter && len(b) >= 2 {
		bits := append([]byte(nil), m.bytes...)
		bits[(int(b[0])<<8|int(b[1]))%len(bits)] ^= 1 << (b[1] % 8)
		m = written{bytes: bits}
		b = b[2:]
	}
	o.read(p, &m)
	return b
}

// end checks the outcome of a call that had to succeed or fail, out of its turn or in it.
func (o *order) end(p *party, what string, inTurn, good bool, err error) {
	o.t.Helper()
	switch {
	case !inTurn && !errors.Is(err, ErrState):
		o.t.Errorf("%s out of turn: %v", what, err)
	case inTurn && good != (err == nil):
		o.t.Errorf("%s: %v, and should succeed: %v", what, err, good)
	case inTurn && errors.Is(err, ErrState):
		o.t.Errorf("%s in turn: %v", what, err)
	}
	if inTurn && err == nil {
		p.step++
	} else if inTurn {
		p.step = spent
	}
}

// write asks for a message: the first or, with second, the other one that an initiator writes.
func (o *order) write(p *party, second bool) {
	w := &written{by: p, n: 2, replyTo: p.read}
	var err error
	inTurn := p.step == 1
	switch {
	case p.r != nil:
		w.bytes, err = p.r.WriteMessage2()
	case second:
		w.n, inTurn = 3, p.step == 2
		w.bytes, p.got, err = p.i.WriteMessage3()
	default:
		w.n, inTurn = 1, p.step == 0
		w.bytes, err = p.i.WriteMessage1()
	}
	if o.end(p, "writing", inTurn, true, err); err == nil {
		p.sent = w
		o.tape = append(o.tape, w)
	} else if w.bytes != nil {
		o.t.Error("a message in spite of an error")
	}
}

// read gives a party a message: the one that it waits for, or where it waits for none any.
func (o *order) read(p *party, m *written) {
	stranger := m.by != nil && m.by.cfg.Identity != p.cfg.Identity
	switch {
	case p.i != nil:
		good := m.n == 2 && m.replyTo.same(p.sent) && stranger && (p.cfg.Expect.IsZero() || p.cfg.Expect == m.by.cfg.Identity.ID())
		var who *identity.Bundle
		who, err := p.i.ReadMessage2(m.bytes)
		o.end(p, "reading message 2", p.step == 1, good, err)
		if err == nil && who.ID() != m.by.cfg.Identity.ID() {
			o.t.Errorf("%s is taken for %s", m.by.cfg.Identity.ID(), who.ID())
		}
		if err == nil {
			p.read = m
		}
	case p.step == 0:
		if o.end(p, "reading message 1", true, m.n == 1, p.r.ReadMessage1(m.bytes)); p.step > 0 {
			p.read = m
		}
	default:
		good := m.n == 3 && m.replyTo.same(p.sent) && stranger && (m.by.cfg.Token == nil || p.cfg.Tokens != nil)
		r, err := p.r.ReadMessage3(m.bytes, time.Now())
		o.end(p, "reading message 3", p.step == 2, good, err)
		if err == nil {
			p.got, p.read = r, m
			if r.Remote.ID() != m.by.cfg.Identity.ID() || (r.Token != nil) != (m.by.cfg.Token != nil) {
				o.t.Errorf("%v is taken for %v", m.by.cfg.Identity.ID(), r)
			}
		}
	}
}

func (w *written) same(o *written) bool {
	return w != nil && o != nil && string(w.bytes) == string(o.bytes)
}

// agree checks that two parties have the same keys if the one has read what the other wrote last, and different ones
// otherwise.
func (o *order) agree() {
	for _, i := range o.parties {
		for _, r := range o.parties {
			if i.i == nil || r.r == nil || i.got == nil || r.got == nil {
				continue
			}
			x, y := *i.got, *r.got
			same := x.Send == y.Recv && x.Recv == y.Send && x.SendNext == y.RecvNext && x.RecvNext == y.SendNext && x.Exporter == y.Exporter
			if met := r.read.same(i.sent); same != met || met && x.Transcript != y.Transcript {
				o.t.Errorf("one has read the other's message: %v; the keys are the same: %v", met, same)
			}
			if x.Send == y.Send || x.Exporter == y.Exporter && !same {
				o.t.Error("two directions or two handshakes share a key")
			}
		}
	}
}
