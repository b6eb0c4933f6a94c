package rooms

import (
	"parley/handshake/identity"
	"parley/wire"
)

// Stop is the body of a removal, or of a change to relay or reader. Of the
// subject's logs that were begun without having seen it, only what it names counts.
type Stop struct {
	Subject wire.ID
	Role    Role       // none: a removal; else relay or reader
	Ban     bool       // of a removal: the subject stays out until it is lifted
	Pins    []Pin      // the subject's logs, ascending: the last run of each that counts
	Joins   []wire.ID  // joins that the writer had seen, ascending: they stay
	Epoch   *EpochBody // the new key; nil exactly if the subject keeps the key (reader)
}

// takesKey reports whether the subject loses the room's key: then the stop
// carries a new one, and revokes the invites that have not seen it.
func (b *Stop) takesKey() bool { return !b.Role.HoldsKey() }

// NewStop makes a stop; Joins and Epoch are filled in, from the place and from
// nonce (16 random bytes) and epochKey, which a change to reader ignores.
func NewStop(key *identity.Private, at Place, stop Stop, nonce []byte, epochKey [EpochKeySize]byte) (*Entry, error) {
	joins, err := at.listed()
	if err != nil {
		return nil, err
	}
	stop.Pins, stop.Joins, stop.Epoch = sortPins(stop.Pins), joins, nil
	if stop.takesKey() {
		stop.Epoch = newEpochBody(at.Room, nonce, epochKey)
	}
	return newEntry(key, KindStop, at, &stop, nil)
}

func (b *Stop) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 7)
	dst = wire.AppendID(dst, b.Subject)
	dst = wire.AppendUint(dst, uint64(b.Role))
	ban := uint64(0)
	if b.Ban {
		ban = 1
	}
	dst = wire.AppendUint(dst, ban)
	dst = appendPins(dst, b.Pins)
	dst = appendIDs(dst, b.Joins)
	return b.Epoch.appendKey(dst)
}

func readStop(in *wire.Reader, _ *Entry) Body {
	in.Array(7)
	return &Stop{
		Subject: in.ID(),
		Role:    Role(in.UintMax(uint64(RoleMaster))),
		Ban:     in.UintMax(1) == 1,
		Pins:    readPins(in),
		Joins:   readIDs(in, nil, MaxJoins),
		Epoch:   readKey(in),
	}
}

func (b *Stop) check(e *Entry) error {
	switch {
	case b.Subject == e.Writer:
		return refuse(ReasonSelf, "stop")
	case b.Role > RoleReader, b.Ban && b.Role != RoleNone:
		return refuse(ReasonRole, "stop that makes a %s", b.Role)
	case (b.Epoch != nil) != b.takesKey(), b.Epoch != nil && len(b.Epoch.Nonce) != nonceSize:
		return refuse(ReasonEpoch, "stop that makes a %s", b.Role)
	case !ascending(b.Joins):
		return refuse(ReasonHeads, "joins out of order")
	}
	return checkPins(b.Pins)
}

func (b *Stop) names() []wire.ID { return b.Joins }

// admissible: what a stop lists are joins.
func (b *Stop) admissible(a *Authority, _ *Entry, _ bitset) error { return a.areOf(b.Joins, KindJoin) }

// Lift is the body by which somebody who was removed may join again: by a join
// that has seen it.
type Lift struct{ Subject wire.ID }

// NewLift ends the removal or ban of subject.
func NewLift(key *identity.Private, at Place, subject wire.ID) (*Entry, error) {
	return newEntry(key, KindLift, at, &Lift{Subject: subject}, nil)
}

func (b *Lift) appendBody(dst []byte) []byte {
	return wire.AppendID(wire.AppendArray(dst, 1), b.Subject)
}

func readLift(in *wire.Reader, _ *Entry) Body {
	in.Array(1)
	return &Lift{Subject: in.ID()}
}

func (b *Lift) check(e *Entry) error {
	if b.Subject == e.Writer {
		return refuse(ReasonSelf, "lift")
	}
	return nil
}

// admissible: a lift may stand on any chain.
func (b *Lift) admissible(*Authority, *Entry, bitset) error { return nil }
