package conform

import (
	"context"
	"crypto/ecdh"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

// dialledPart is the part of the cases in which the peer dials.
const dialledPart = "D"

// A gate hands the connections of the one listening socket of a run to the
// case that waits for one. Others it closes: the peer dials again.
type gate struct {
	ln    net.Listener
	conns chan net.Conn
	one   sync.Mutex // held by the case that waits for the peer
}

// newGate listens where the target says; nil if each case listens for itself.
func newGate(ctx context.Context, listen string) (*gate, error) {
	if _, port, err := net.SplitHostPort(listen); listen == "" || err == nil && port == "0" {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("where to listen: %w", err)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("where the peer is to dial: %w", err)
	}
	return &gate{ln: ln, conns: make(chan net.Conn)}, nil
}

// run accepts until the listener is closed.
func (g *gate) run() {
	for {
		conn, err := g.ln.Accept()
		if err != nil {
			return
		}
		select {
		case g.conns <- conn:
		default:
			_ = conn.Close() // no case waits
		}
	}
}

// accept returns the next connection that the peer opens to this case, and on
// which it begins to speak: others may try the port, too.
func (t *T) accept() *script.Wire {
	var err error
	for range 3 {
		conn := t.incoming()
		t.conns = append(t.conns, conn)
		t.note(false, "connection from "+conn.RemoteAddr().String(), nil)
		w := &script.Wire{Raw: conn, Trace: t.note}
		if err = w.Begun(soon()); err == nil {
			return w
		}
	}
	t.fail(fmt.Sprint(err), "nothing comes on the connections that the peer opens")
	return nil
}

func (t *T) incoming() net.Conn {
	if t.gate != nil {
		select {
		case conn := <-t.gate.conns:
			return conn
		case <-time.After(dialledWithin):
			t.fail("no connection", "the peer does not dial %s: tell it to, and to try again when a connection ends (parley daemon --peer %s)", t.target.Listen, t.target.Listen)
		case <-t.ctx.Done():
			t.fail("no connection", "the run was ended")
		}
	}
	if t.ln == nil {
		t.invitePeer()
	}
	if tcp, ok := t.ln.(*net.TCPListener); ok {
		_ = tcp.SetDeadline(soon()) // on a listener that is open it cannot fail
	}
	conn, err := t.ln.Accept()
	if err != nil {
		t.fail("no connection", "the peer does not dial an address that a user hands it with a room: %v", err)
	}
	return conn
}

// invitePeer listens, and has the peer dial, as a user who hands it a room with
// the address of somebody who has it too.
func (t *T) invitePeer() {
	if t.target.Listen == "" {
		t.fail("", "the case needs an address at which the peer reaches this program: --listen HOST")
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(t.ctx, "tcp", t.target.Listen)
	if err != nil {
		t.fail("", "the harness cannot listen: %v", err)
	}
	t.ln = ln
	d := t.den()
	d.user.streamEnds(d.user.ask(script.Interactive, &wire.Submit{Room: d.room, Addresses: wire.List[string]{ln.Addr().String()}}), wire.CodeOK)
}

// responder makes the accepting side of a handshake, that has read message 1.
// Its ciphertext is random each time, whatever the seed.
func (t *T) responder(w *script.Wire, self script.Party) *script.Responder {
	x, err := ecdh.X25519().NewPrivateKey(t.random(32))
	if err != nil {
		t.fail("", "the harness cannot make a key: %v", err)
	}
	r := &script.Responder{Network: t.target.Network, Self: self, X: x, Random: [32]byte(t.random(32))}
	m1, err := w.ReadMessage(soon())
	if err != nil {
		t.fail(fmt.Sprint(err), "no message 1 comes on a connection that the peer opened")
	}
	if err := r.ReadMessage1(m1); err != nil {
		t.fail(hex.EncodeToString(m1), "message 1 is not good: %v", err)
	}
	r.Encapsulate()
	return r
}

// upTo1 is a connection on which the peer has sent message 1.
func (t *T) upTo1() (*script.Wire, *script.Responder) {
	w := t.accept()
	return w, t.responder(w, t.identity().Party())
}

// derived is upTo1, with message 2 begun in order.
func (t *T) derived() (*script.Wire, *script.Responder) {
	w, r := t.upTo1()
	t.derive(r, r.X.PublicKey().Bytes(), r.Ciphertext, r.Random[:])
	return w, r
}

func (t *T) derive(r *script.Responder, share, ciphertext, random []byte) {
	if err := r.Derive(share, ciphertext, random); err != nil {
		t.fail("", "the harness cannot derive keys: %v", err)
	}
}

// message3 reads a good message 3.
func (t *T) message3(w *script.Wire, r *script.Responder) []byte {
	m3, err := w.ReadMessage(soon())
	if err != nil {
		t.fail(fmt.Sprint(err), "no message 3 comes in answer to a good message 2")
	}
	if err := r.ReadMessage3(m3); err != nil {
		t.fail(hex.EncodeToString(m3), "message 3 is not good: %v", err)
	}
	if !t.target.PeerID.IsZero() && r.Remote != t.target.PeerID {
		t.fail(r.Remote.String(), "the peer proves another identity than %s", t.target.PeerID)
	}
	return m3
}

// answered is a session that the peer opened, before any Hello of this side's.
func (t *T) answered(self *script.Identity) *session {
	w := t.accept()
	r := t.responder(w, self.Party())
	t.derive(r, r.X.PublicKey().Bytes(), r.Ciphertext, r.Random[:])
	t.send(w, "message 2", script.Framed(r.Message2Proof(r.Proof())))
	t.message3(w, r)
	return &session{Conn: script.NewAccepted(w, r), t: t, self: self}
}

// called is a session that the peer opened, Hello exchanged.
func (t *T) called() *session { return t.answered(t.identity()).established() }

// interactiveStream is the stream that the initiator opens for rooms.
const interactiveStream = script.Interactive

// theirRooms is the peer's first Offer on a session that it opened.
func (s *session) theirRooms() *wire.Offer {
	s.Receiver.Opened(interactiveStream)
	o, ok := s.answer(interactiveStream).(*wire.Offer)
	if !ok || o.Start != 0 || len(o.Tags)%16 != 0 {
		s.t.fail(describe(script.Incoming{Message: o}, nil), "the initiator's first message is not an Offer from 0")
	}
	return o
}

// refOf is the ref under which the peer offered a room on a session that it opened.
func (s *session) refOf(o *wire.Offer, room wire.ID) uint64 {
	tag := string(s.Tag("offer", byInitiator, room))
	if i := strings.Index(string(o.Tags), tag); i >= 0 && i%16 == 0 {
		return uint64(2 * (i / 16))
	}
	s.t.fail(fmt.Sprintf("%d tags", len(o.Tags)/16), "the initiator does not offer a room that it keeps under its own role")
	return 0
}
