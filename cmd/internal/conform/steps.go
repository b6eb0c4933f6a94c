package conform

import (
	"encoding/hex"
	"fmt"
	"time"

	"parley/cmd/internal/script"
	"parley/handshake/identity"
	"parley/wire"
)

// identity makes a new identity from the case's seed.
func (t *T) identity() *script.Identity {
	id, err := script.NewIdentity([32]byte(t.random(32)), "harness")
	if err != nil {
		t.fail("", "the harness cannot make an identity: %v", err)
	}
	return id
}

// initiator makes the dialling side of a handshake, with ephemeral keys from
// the case's seed.
func (t *T) initiator(self script.Party) *script.Initiator {
	i, err := script.NewInitiator(t.target.Network, self, t.random)
	if err != nil {
		t.fail("", "the harness cannot make a key: %v", err)
	}
	return i
}

// send writes bytes; a peer that has had enough may be gone.
func (t *T) send(w *script.Wire, what string, b []byte) {
	if err := w.Write(what, b); err != nil && !script.Ended(err) {
		t.fail("no reading", "the peer does not take what is sent: %v", err)
	}
}

// message2 sends message 1 and reads a good message 2.
func (t *T) message2(w *script.Wire, i *script.Initiator) []byte {
	t.send(w, "message 1", script.Framed(i.Message1()))
	m2, err := w.ReadMessage(soon())
	if err != nil {
		t.fail(fmt.Sprint(err), "no message 2 comes in answer to a good message 1")
	}
	if err := i.ReadMessage2(m2); err != nil {
		t.fail(hex.EncodeToString(m2), "message 2 is not good: %v", err)
	}
	if id := i.Remote.ID(); !t.target.PeerID.IsZero() && id != t.target.PeerID {
		t.fail(id.String(), "the peer proves another identity than %s", t.target.PeerID)
	}
	return m2
}

// upTo2 does a handshake as far as message 2.
func (t *T) upTo2() (*script.Wire, *script.Initiator) {
	w, i := t.dial(), t.initiator(t.identity().Party())
	t.message2(w, i)
	return w, i
}

// shake does a whole handshake.
func (t *T) shake(self script.Party, token *script.Token) (*script.Wire, *script.Initiator) {
	w, i := t.dial(), t.initiator(self)
	t.message2(w, i)
	i.Token = token
	t.send(w, "message 3", script.Framed(i.Message3(i.Proof())))
	return w, i
}

// silentEnd wants the connection closed without a byte.
func (t *T) silentEnd(w *script.Wire, within time.Duration) {
	rest, err := w.ReadEnd(time.Now().Add(within))
	switch {
	case len(rest) > 0:
		t.fail(hex.EncodeToString(rest), "the peer answers where it must send nothing")
	case err != nil:
		t.fail("the connection stays open", "the peer does not close: %v", err)
	}
}

// refusal wants the message [0] and the end of the connection.
func (t *T) refusal(w *script.Wire) {
	rest, err := w.ReadEnd(later(atOnce))
	switch {
	case err != nil:
		t.fail(hex.EncodeToString(rest), "the peer does not close: %v", err)
	case hex.EncodeToString(rest) != "000000029100":
		t.fail(hex.EncodeToString(rest), "the peer does not send the refusal, and that alone")
	}
}

// refusalOrEnd is refusal where the peer closes over bytes that it has not
// read, which may destroy the refusal on its way.
func (t *T) refusalOrEnd(w *script.Wire) {
	rest, err := w.ReadEnd(soon())
	switch {
	case err != nil:
		t.fail(hex.EncodeToString(rest), "the peer does not close: %v", err)
	case len(rest) > 0 && hex.EncodeToString(rest) != "000000029100":
		t.fail(hex.EncodeToString(rest), "the peer sends something else than the refusal")
	}
}

// A session is a case's session with the peer.
type session struct {
	*script.Conn
	t    *T
	self *script.Identity
	next [4]uint32

	used, granted map[uint32]uint64 // of a stream's credit: by message, and as the peer has said

	on func(script.Incoming) // shown each frame that a wait passes over; may be nil
}

// open does a handshake as the identity and returns the session before any Hello.
func (t *T) open(self *script.Identity, user bool) *session {
	w, i := t.shake(self.Party(), nil)
	return &session{Conn: script.NewConn(w, i, user), t: t, self: self}
}

// hello is the case's own Hello.
func (s *session) hello() *wire.Hello {
	role := wire.RolePeer
	if s.Receiver.User {
		role = wire.RoleUser
	}
	return &wire.Hello{Role: role, Software: "parley-harness", Instance: [8]byte(s.t.random(8))}
}

// established exchanges Hello.
func (s *session) established() *session {
	s.send(script.Frame(0, s.hello()))
	s.theirHello()
	return s
}

func (s *session) theirHello() *wire.Hello {
	in, err := s.Next(soon())
	hello, ok := in.Message.(*wire.Hello)
	if err != nil || !ok {
		s.t.fail(describe(in, err), "the peer's first frame is not Hello")
	}
	if hello.Role != wire.RolePeer {
		s.t.fail(describe(in, err), "the peer does not call itself one")
	}
	return hello
}

// peer is a session of a new peer, Hello exchanged.
func (t *T) peer() *session { return t.open(t.identity(), false).established() }

// user is a session of a new user, Hello exchanged, that the peer serves.
func (t *T) user(self *script.Identity) *session {
	s := t.open(self, true).established()
	s.alive()
	return s
}

// send sends records; a peer that has had enough may be gone.
func (s *session) send(plains ...[]byte) {
	if err := s.Send(plains...); err != nil && !script.Ended(err) {
		s.t.fail("no reading", "the peer does not take what is sent: %v", err)
	}
}

// stream is the number of the case's next stream of a class.
func (s *session) stream(class uint32) uint32 {
	n := script.Stream(class, s.next[class])
	if s.Receiver.Accepted {
		n |= script.Responders
	}
	s.next[class]++
	s.Receiver.Opened(n)
	return n
}

// ask opens a stream with a message.
func (s *session) ask(class uint32, m wire.Message) (stream uint32) {
	stream = s.stream(class)
	s.message(stream, m)
	return stream
}

// Next is that of the connection, and takes note of credit.
func (s *session) Next(by time.Time) (script.Incoming, error) {
	in, err := s.Conn.Next(by)
	if c, ok := in.Message.(*wire.Credit); ok && err == nil {
		if s.granted == nil {
			s.granted = map[uint32]uint64{}
		}
		s.granted[c.Stream] = max(s.granted[c.Stream], c.Limit)
	}
	return in, err
}

// message sends a message on a stream, in as many records as it takes. What is
// more than the stream's credit is credited when it has begun.
func (s *session) message(stream uint32, m wire.Message) {
	const most = 60000 // of body in a record
	body := script.Body(m)
	total := uint64(len(body))
	if s.used == nil {
		s.used = map[uint32]uint64{}
	}
	s.used[stream] += total + script.FrameCost
	if len(body) <= most {
		s.send(script.Frame(stream, m))
		return
	}
	s.send(script.First(m.MessageType(), stream, body[:most], total))
	if s.used[stream] > script.Window(stream) {
		s.credit(stream, s.used[stream])
	}
	for body = body[most:]; len(body) > 0; body = body[min(most, len(body)):] {
		s.send(script.Later(stream, body[:min(most, len(body))]))
	}
}

// await returns the first frame for which want is true; others are passed over.
func (s *session) await(what string, want func(script.Incoming) bool) script.Incoming {
	by := soon()
	for {
		in, err := s.Next(by)
		if err == nil && want(in) {
			return in
		}
		if err == nil && s.on != nil {
			s.on(in)
		}
		if c, ok := in.Message.(*wire.Close); ok && c.Code == wire.CodeRefused && s.Receiver.User {
			s.t.fail(describe(in, err), "the peer does not serve this user: start it so that it does (parley daemon --users any), or leave these cases out with --only")
		}
		if err != nil || in.Type == wire.TypeClose {
			s.t.fail(describe(in, err), "%s does not come", what)
		}
	}
}

// alive wants an answer to a ping.
func (s *session) alive() {
	seq := uint64(s.t.random(1)[0]) + 1000
	s.send(script.Frame(0, &wire.Ping{Seq: seq}))
	s.await("the answer to a ping", func(in script.Incoming) bool {
		pong, ok := in.Message.(*wire.Pong)
		return ok && pong.Seq == seq
	})
}

// quietly takes what comes for a while, and wants the session to outlast it.
func (s *session) quietly() {
	for {
		in, err := s.Next(later(quiet))
		if script.TimedOut(err) {
			break
		}
		if err != nil || in.Type == wire.TypeClose {
			s.t.fail(describe(in, err), "the session is ended")
		}
	}
	s.alive()
}

// ends wants a Close with the code, and the end of the connection behind it.
func (s *session) ends(code wire.Code) {
	by := soon()
	for {
		in, err := s.Next(by)
		if err != nil {
			s.t.fail(describe(in, err), "the session is not ended by a Close of code %d (%v)", code, code)
		}
		c, ok := in.Message.(*wire.Close)
		if !ok {
			continue
		}
		if c.Code != code {
			s.t.fail(describe(in, err), "the session is ended with another code than %d (%v)", code, code)
		}
		break
	}
	if in, err := s.Next(by); !script.Ended(err) {
		s.t.fail(describe(in, err), "the connection is not closed behind Close")
	}
}

// streamEnds wants the end of a stream with the code.
func (s *session) streamEnds(stream uint32, code wire.Code) {
	in := s.await(fmt.Sprintf("the end of stream %d", stream), func(in script.Incoming) bool {
		end, ok := in.Message.(*wire.StreamEnd)
		return ok && end.Stream == stream
	})
	if end := in.Message.(*wire.StreamEnd); end.Code != code {
		s.t.fail(describe(in, nil), "the stream is ended with another code than %d (%v)", code, code)
	}
}

// answer wants the next message on a stream.
func (s *session) answer(stream uint32) wire.Message {
	return s.await(fmt.Sprintf("an answer on stream %d", stream), func(in script.Incoming) bool {
		if end, ok := in.Message.(*wire.StreamEnd); ok && end.Stream == stream {
			s.t.fail(describe(in, nil), "the request is refused")
		}
		return in.Stream == stream
	}).Message
}

// describe tells what came.
func describe(in script.Incoming, err error) string {
	switch {
	case script.TimedOut(err):
		return "nothing more"
	case err != nil && script.Ended(err):
		return "the end of the connection"
	case err != nil:
		return err.Error()
	}
	return fmt.Sprintf("%T %+v on stream %d", in.Message, in.Message, in.Stream)
}

// bundleOf signs a bundle of any content.
func bundleOf(s *identity.Signer, key []byte, number uint64, sealing []byte, name string) []byte {
	b := wire.AppendUint(wire.AppendArray(nil, 6), 1)
	b = wire.AppendUint(wire.AppendBin(b, key), number)
	b = wire.AppendStr(wire.AppendBin(b, sealing), name)
	return wire.AppendBin(b, s.Sign("bundle", b))
}
