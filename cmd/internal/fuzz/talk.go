package fuzz

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"time"

	"parley/cmd/internal/script"
	"parley/handshake/identity"
	"parley/wire"
)

// A Target is the peer under test.
type Target struct {
	Addr    string
	Network identity.Network
	PeerID  wire.ID // that it must prove; zero: whatever it proves

	// AnswerWithin is how long it may take to answer.
	AnswerWithin time.Duration
}

func (t *Target) soon() time.Time { return time.Now().Add(t.AnswerWithin) }

// connect dials and does a handshake. Ephemeral keys are random: what they are
// changes nothing that a script says.
func (t *Target) connect(ctx context.Context, self *script.Identity) (*script.Wire, *script.Initiator, error) {
	d := net.Dialer{Timeout: t.AnswerWithin}
	conn, err := d.DialContext(ctx, "tcp", t.Addr)
	if err != nil {
		return nil, nil, err
	}
	w := &script.Wire{Raw: conn, Trace: func(bool, string, []byte) {}}
	i, err := script.NewInitiator(t.Network, self.Party(), randomBytes)
	if err == nil {
		err = i.Shake(w, t.soon(), t.PeerID)
	}
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("the handshake: %w", err)
	}
	return w, i, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// A talk is a user's session in which every rule is kept: an honest user's of a
// den, or the probe's.
type talk struct {
	*script.Conn
	target *Target
	next   uint32
}

// talk connects as a user and exchanges Hello.
func (t *Target) talk(ctx context.Context, self *script.Identity) (*talk, error) {
	w, i, err := t.connect(ctx, self)
	if err != nil {
		return nil, err
	}
	k := &talk{Conn: script.NewConn(w, i, true), target: t}
	if err = k.Send(script.Frame(0, hello(wire.RoleUser, self))); err == nil {
		var in script.Incoming
		if in, err = k.Next(t.soon()); err == nil && in.Type != wire.TypeHello {
			err = fmt.Errorf("the peer's first frame is a %s", typeName(in.Type))
		}
	}
	if err != nil {
		k.Raw.Close()
		return nil, err
	}
	return k, nil
}

// hello is the Hello of an identity, always the same.
func hello(role wire.Role, self *script.Identity) *wire.Hello {
	id := self.ID()
	return &wire.Hello{Role: role, Software: "parley-harness", Instance: [8]byte(id[:8])}
}

// close ends the session in good order.
func (k *talk) close() {
	_ = k.Send(script.Frame(0, &wire.Close{})) // the peer may be gone
	k.Raw.Close()
}

// A refusal is a request that the peer did not carry out.
type refusal struct {
	code wire.Code
	text string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("refused with code %d (%v): %s", r.code, r.code, r.text)
}

// ask sends a request and shows each answer until the peer ends the stream.
func (k *talk) ask(m wire.Message, each func(wire.Message) error) error {
	stream := script.Stream(script.Interactive, k.next)
	k.next++
	if err := k.Send(framed(stream, m)...); err != nil {
		return err
	}
	if err := k.Send(script.Frame(0, &wire.StreamEnd{Stream: stream})); err != nil {
		return err
	}
	by := k.target.soon()
	for {
		in, err := k.Next(by)
		if err != nil {
			return fmt.Errorf("%s: %w", typeName(m.MessageType()), err)
		}
		switch got := in.Message.(type) {
		case *wire.Close:
			return fmt.Errorf("the session is closed: %w", &refusal{got.Code, got.Text})
		case *wire.StreamEnd:
			switch {
			case got.Stream != stream:
			case got.Code != wire.CodeOK:
				return fmt.Errorf("%s: %w", typeName(m.MessageType()), &refusal{got.Code, got.Text})
			default:
				return nil
			}
		default:
			if in.Stream != stream {
				continue
			}
			if err := each(in.Message); err != nil {
				return err
			}
		}
	}
}

// done is ask for a request that is answered by one message.
func done[T wire.Message](k *talk, m wire.Message) (answer T, err error) {
	found := false
	err = k.ask(m, func(got wire.Message) error {
		var ok bool
		if answer, ok = got.(T); !ok {
			return fmt.Errorf("%s is answered by a %s", typeName(m.MessageType()), typeName(got.MessageType()))
		}
		found = true
		return nil
	})
	if err == nil && !found {
		err = errors.New(typeName(m.MessageType()) + " is not answered")
	}
	return answer, err
}

// framed is a frame as the plaintexts of records.
func framed(stream uint32, m wire.Message) (records [][]byte) {
	body := script.Body(m)
	if len(body) <= maxPart {
		return [][]byte{script.Whole(m.MessageType(), stream, body)}
	}
	records = append(records, script.First(m.MessageType(), stream, body[:maxPart], uint64(len(body))))
	for body = body[maxPart:]; len(body) > 0; body = body[min(maxPart, len(body)):] {
		records = append(records, script.Later(stream, body[:min(maxPart, len(body))]))
	}
	return records
}
