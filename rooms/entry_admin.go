package rooms

import (
	"parley/handshake/identity"
	"parley/wire"
)

// Appoint is the body by which the master makes somebody an admin. The entry's
// ID names the admin's chain.
type Appoint struct{ Subject wire.ID }

// NewAppoint makes subject an admin.
func NewAppoint(key *identity.Private, at Place, subject wire.ID) (*Entry, error) {
	return newEntry(key, KindAppoint, at, &Appoint{Subject: subject}, nil)
}

func (b *Appoint) appendBody(dst []byte) []byte {
	return wire.AppendID(wire.AppendArray(dst, 1), b.Subject)
}

func readAppoint(in *wire.Reader, _ *Entry) Body {
	in.Array(1)
	return &Appoint{Subject: in.ID()}
}

func (b *Appoint) check(e *Entry) error {
	if b.Subject == e.Writer {
		return refuse(ReasonSelf, "appointment")
	}
	return nil
}

// admissible: an appointment stands on the master's chain, which its kind says.
func (b *Appoint) admissible(*Authority, *Entry, bitset) error { return nil }

// Demote is the body by which the master ends an admin's chain. It makes a
// member, and begins an epoch.
type Demote struct {
	Appointment wire.ID    // the entry that began the chain
	Cut         wire.ID    // the last entry of the chain that counts; the appointment: none does
	Joins       []wire.ID  // as of a stop
	Epoch       *EpochBody // the new key; without pins
}

// NewDemote ends the chain that appointment began: what cut has not seen of it
// does not count. nonce is 16 random bytes.
func NewDemote(key *identity.Private, at Place, appointment, cut wire.ID, nonce []byte, epochKey [EpochKeySize]byte) (*Entry, error) {
	joins, err := at.listed()
	if err != nil {
		return nil, err
	}
	body := &Demote{Appointment: appointment, Cut: cut, Joins: joins, Epoch: newEpochBody(at.Room, nonce, epochKey)}
	return newEntry(key, KindDemote, at, body, nil)
}

func (b *Demote) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 5)
	dst = wire.AppendID(dst, b.Appointment)
	dst = wire.AppendID(dst, b.Cut)
	dst = appendIDs(dst, b.Joins)
	return b.Epoch.appendKey(dst)
}

func readDemote(in *wire.Reader, _ *Entry) Body {
	in.Array(5)
	b := &Demote{Appointment: in.ID(), Cut: in.ID(), Joins: readIDs(in, nil, MaxJoins)}
	b.Epoch = &EpochBody{Nonce: in.BinSize(nonceSize), Commitment: in.ID()}
	return b
}

func (b *Demote) check(*Entry) error {
	if !ascending(b.Joins) {
		return refuse(ReasonHeads, "joins out of order")
	}
	return nil
}

func (b *Demote) names() []wire.ID { return append([]wire.ID{b.Appointment, b.Cut}, b.Joins...) }

// admissible: a demotion names an appointment, and of its chain the cut.
func (b *Demote) admissible(a *Authority, _ *Entry, _ bitset) error {
	if err := a.areOf([]wire.ID{b.Appointment}, KindAppoint); err != nil {
		return err
	}
	if b.Cut != b.Appointment && a.Entry(b.Cut).Chain != b.Appointment {
		return refuse(ReasonChain, "cut %s is of another chain", b.Cut.Short())
	}
	return a.areOf(b.Joins, KindJoin)
}
