package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"testing"

	"parley/handshake"
	"parley/handshake/identity"
	"parley/rooms"
	"parley/session"
	"parley/wire"
)

// An insider is a peer in the test's own process: it has the network's secret and
// speaks the protocol, as much of it as it wants to.
type insider struct {
	session *session.Session
	rooms   *session.Stream // the interactive one, of room messages
	network identity.Network
	cancel  context.CancelFunc
	ended   chan struct{}
}

// network reads a secret's file.
func network(t testing.TB, file string) identity.Network {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := identity.ParseNetworkFile(content)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// dialInsider connects from a host to a daemon under a new identity, as a peer or
// as a user.
func dialInsider(ctx context.Context, from *Host, to *Daemon, network identity.Network, role wire.Role) (*insider, error) {
	key, err := identity.Generate(identity.Ed25519, "")
	if err != nil {
		return nil, err
	}
	return dialAs(ctx, from, to, network, role, key)
}

// dialAs is dialInsider with an identity that there is already.
func dialAs(ctx context.Context, from *Host, to *Daemon, network identity.Network, role wire.Role, key *identity.Private) (*insider, error) {
	conn, err := from.Dial(ctx, "tcp", to.Endpoint())
	if err != nil {
		return nil, err
	}
	result, err := handshake.Initiate(ctx, conn, &handshake.Config{Identity: key, Network: network})
	if err != nil {
		conn.Close()
		return nil, err
	}
	hello := wire.Hello{Role: role, Software: "an insider"}
	_, _ = rand.Read(hello.Instance[:])
	s, err := session.Establish(ctx, conn, result, session.Config{Hello: hello})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	i := &insider{session: s, network: network, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(i.ended)
		_ = s.Run(ctx)
	}()
	return i, nil
}

// ask sends a user's request and gives each answer to f until f wants no more.
func (i *insider) ask(ctx context.Context, request wire.Message, f func(wire.Message) (more bool)) error {
	st, err := i.session.Open(session.Interactive)
	if err != nil {
		return err
	}
	defer st.Reset(wire.CodeOK, "")
	if err := st.Send(ctx, request); err != nil {
		return err
	}
	for {
		m, err := st.Recv(ctx)
		if err != nil {
			return fmt.Errorf("%T: %w", request, err)
		}
		if !f(m) {
			return nil
		}
	}
}

// close ends the session and waits for it.
func (i *insider) close() {
	i.cancel()
	<-i.ended
}

// openLobby offers the lobby as a peer does that holds exactly what the other
// side holds, and returns the number by which the two know it.
func (i *insider) openLobby(ctx context.Context) (ref uint64, err error) {
	if i.rooms, err = i.session.Open(session.Interactive); err != nil {
		return 0, err
	}
	lobby := rooms.OpenRoomID(i.network, rooms.Lobby)
	if err := i.rooms.Send(ctx, &wire.Offer{Tags: i.tag(lobby)}); err != nil {
		return 0, err
	}
	for {
		m, err := i.rooms.Recv(ctx)
		if err != nil {
			return 0, err
		}
		if match, ok := m.(*wire.Match); ok {
			if len(match.Known) != 1 {
				return 0, fmt.Errorf("the lobby is not known: %+v", match)
			}
			return match.Known[0], i.rooms.Send(ctx, &wire.InStep{Refs: match.Known})
		}
	}
}

// tag is what the initiator of a session offers a room as.
func (i *insider) tag(room wire.ID) []byte {
	exporter := i.session.Result().Exporter
	mac := hmac.New(sha256.New, exporter[:])
	for _, field := range [][]byte{[]byte("offer"), {0}, room[:]} {
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(field))))
		mac.Write(field)
	}
	return mac.Sum(nil)[:16]
}

// strangersRun is a run of one message in an open room by an author nobody has
// heard of.
func strangersRun(network identity.Network, room wire.ID, text string, clock uint64) ([]byte, error) {
	key, err := identity.Generate(identity.Ed25519, "")
	if err != nil {
		return nil, err
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	incarnation := rooms.NewIncarnation(room, key.ID(), salt, nil)
	cipher := rooms.NewMessageCipher(rooms.OpenRoomKey(network, room), room, wire.ID{}, key.ID(), incarnation)
	sealed, err := cipher.SealRun(1, wire.ID{}, []rooms.Message{{Kind: rooms.MessageText, Data: []byte(text)}})
	if err != nil {
		return nil, err
	}
	run, err := rooms.SignRun(key, &rooms.RunDraft{
		Room: room, Incarnation: incarnation, Salt: salt, First: 1, Clock: clock, Messages: sealed,
	})
	if err != nil {
		return nil, err
	}
	return run.Raw, nil
}
