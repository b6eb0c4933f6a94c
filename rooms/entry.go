package rooms

import (
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// A Kind is the kind of an authority entry.
type Kind uint8

// The kinds. Their numbers are the protocol's.
const (
	KindGenesis  Kind = 1  // the room itself
	KindEpoch    Kind = 2  // a new key
	KindInvite   Kind = 3  // a link by which others join
	KindJoin     Kind = 4  // a newcomer's certificate; beside the chains
	KindLeave    Kind = 5  // a member's own end; beside the chains
	KindAdd      Kind = 6  // admits a user, or gives another role
	KindStop     Kind = 7  // a removal, or a change to relay or reader
	KindLift     Kind = 8  // lets somebody who was removed join again
	KindAppoint  Kind = 9  // begins an admin's chain
	KindDemote   Kind = 10 // ends it
	KindPolicy   Kind = 11 // what the room is called and keeps
	KindHandover Kind = 12 // the next master
	KindRevoke   Kind = 13 // ends invites, and confirms joins
	KindTrim     Kind = 14 // forgets the beginnings of logs
	KindRenew    Kind = 15 // a member's new sealing key or name; beside the chains
	KindPair     Kind = 16 // a room of two, which needs no signature
)

// A stand is where entries of a kind stand.
type stand uint8

const (
	standRoot   stand = iota // the room's first entry
	standMaster              // on the master's chain
	standChain               // on the master's chain or an admin's
	standBeside              // beside the chains
)

// A kindRow says how the entries of one kind are read. It is the only place
// that a new kind has to be added to, besides its own file and the rules that
// it takes part in.
type kindRow struct {
	kind     Kind
	name     string
	stand    stand
	context  string // of the writer's signature; empty: there is none
	cosigner string // context of a second signature; empty: there is none
	read     func(in *wire.Reader, e *Entry) Body
}

// signatures is how many signatures end an entry of the kind.
func (r kindRow) signatures() int {
	switch {
	case r.context == "":
		return 0
	case r.cosigner == "":
		return 1
	}
	return 2
}

func kindOf(k uint64) (kindRow, bool) {
	rows := [...]kindRow{
		{KindGenesis, "genesis", standRoot, "entry", "", readGenesis},
		{KindEpoch, "epoch", standChain, "entry", "", readEpoch},
		{KindInvite, "invite", standChain, "entry", "", readInvite},
		{KindJoin, "join", standBeside, "join", "join-link", readJoin},
		{KindLeave, "leave", standBeside, "entry", "", readLeave},
		{KindAdd, "add", standChain, "entry", "", readAdd},
		{KindStop, "stop", standChain, "entry", "", readStop},
		{KindLift, "lift", standChain, "entry", "", readLift},
		{KindAppoint, "appoint", standMaster, "entry", "", readAppoint},
		{KindDemote, "demote", standMaster, "entry", "", readDemote},
		{KindPolicy, "policy", standMaster, "entry", "", readPolicy},
		{KindHandover, "handover", standMaster, "entry", "handover", readHandover},
		{KindRevoke, "revoke", standChain, "entry", "", readRevoke},
		{KindTrim, "trim", standMaster, "entry", "", readTrim},
		{KindRenew, "renew", standBeside, "entry", "", readRenew},
		{KindPair, "pair", standRoot, "", "", readPair},
	}
	if k == 0 || k > uint64(len(rows)) {
		return kindRow{}, false
	}
	return rows[k-1], true
}

// String returns the kind's name.
func (k Kind) String() string {
	if row, ok := kindOf(uint64(k)); ok {
		return row.name
	}
	return "unknown"
}

// A Body is what an entry says: *Genesis, *EpochBody, *Invite, *Join, *Leave,
// *Add, *Stop, *Lift, *Appoint, *Demote, *Policy, *Handover, *Revoke, *Trim,
// *Renew or *Pair.
type Body interface {
	// appendBody encodes the body's canonical array.
	appendBody(dst []byte) []byte
	// check applies the rules that need nothing but the entry itself.
	check(e *Entry) error
	// admissible applies the rules of refusal that need the entry's closure,
	// seen, whose entries are held. They must depend on nothing else.
	admissible(a *Authority, e *Entry, seen bitset) error
}

// An Entry is one signed statement of a room's authority (package
// documentation, "Entries"). Its fields are read only.
type Entry struct {
	ID     wire.ID // H("entry", signed bytes)
	Room   wire.ID // a genesis entry's own ID
	Kind   Kind
	Key    identity.PublicKey
	Writer wire.ID   // SHA-256 of Key
	Chain  wire.ID   // zero: the master's chain, or beside the chains; else the appointment
	Number uint64    // place in the chain, from 1; 0 beside the chains
	Prev   wire.ID   // the entry before it in its chain; zero if it is the first
	Heads  []wire.ID // what its writer had seen and counted, ascending
	Time   uint64    // Unix nanoseconds by the writer's clock; informative
	Body   Body
	Raw    []byte

	cosigKey identity.PublicKey // set by the body: whose the second signature is
	verified bool               // its signatures were checked before
}

// chained reports whether the entry stands on a chain.
func (e *Entry) chained() bool { return e.Number > 0 }

// root reports whether the entry is a room's first.
func (e *Entry) root() bool { return e.Kind == KindGenesis || e.Kind == KindPair }

// When is the writer's own claim of when it made the entry.
func (e *Entry) When() time.Time { return time.Unix(0, int64(min(e.Time, 1<<63-1))) }

// ParseEntry decodes an entry and checks everything about it that needs no
// other entry, all its signatures included. The entry aliases raw. Errors wrap
// a Reason.
func ParseEntry(raw []byte) (*Entry, error) { return parseEntry(raw, false) }

// parseEntry is ParseEntry; of an entry that is verified, since it was when it was stored, it leaves out the signatures.
func parseEntry(raw []byte, verified bool) (*Entry, error) {
	if len(raw) > MaxEntry {
		return nil, refuse(ReasonBounds, "entry of %d bytes", len(raw))
	}
	e := &Entry{Raw: raw, verified: verified}
	in := wire.NewReader(raw)
	n := in.ArrayLen(12)
	if v := in.Uint(); in.Err() == nil && v != version {
		return nil, refuse(ReasonVersion, "entry of version %d", v)
	}
	e.Room = in.ID()
	kind := in.Uint()
	row, ok := kindOf(kind)
	if in.Err() == nil && !ok {
		return nil, refuse(ReasonKind, "entry of kind %d", kind)
	}
	e.Kind = row.kind
	e.Key = in.BinSize(keySize)
	e.Chain = in.ID()
	e.Number = in.Uint()
	e.Prev = in.ID()
	e.Heads = readIDs(in, nil, MaxHeads)
	e.Time = in.Uint()
	body := in.Bin(MaxEntry)
	if in.Err() != nil || !ok {
		return nil, refuseBytes("entry", in.Done())
	}
	if err := e.finish(in, n, row, body); err != nil {
		return nil, err
	}
	return e, nil
}

// finish reads the body and the signatures, and applies the rules.
func (e *Entry) finish(in *wire.Reader, n int, row kindRow, body []byte) error {
	bodyIn := wire.NewReader(body)
	e.Body = row.read(bodyIn, e)
	if err := bodyIn.Done(); err != nil {
		return refuseBytes("body of "+row.name, err)
	}
	signed := e.Raw[:in.Offset()]
	var sig, cosig, cosigned []byte
	if row.context != "" {
		sig = in.BinSize(signatureSize)
	}
	if row.cosigner != "" {
		cosigned = e.Raw[:in.Offset()]
		cosig = in.BinSize(signatureSize)
	}
	if err := in.Done(); err != nil {
		return refuseBytes(row.name, err)
	}
	if n != entryFields+row.signatures() {
		return refuse(ReasonEncoding, "%s of %d elements", row.name, n)
	}
	if e.Key.Check() != nil {
		return refuse(ReasonKey, "algorithm %d", e.Key[0])
	}
	e.Writer = identity.KeyID(e.Key)
	e.ID = wire.Hash("entry", signed)
	if err := e.check(row); err != nil {
		return err
	}
	if e.verified {
		return nil
	}
	if row.context != "" && !identity.Verify(e.Key, row.context, sig, signed) {
		return refuse(ReasonSignature, "%s %s", row.name, e.ID.Short())
	}
	if row.cosigner != "" && !identity.Verify(e.cosigKey, row.cosigner, cosig, cosigned) {
		return refuse(ReasonSignature, "%s %s, second signature", row.name, e.ID.Short())
	}
	return nil
}

// check applies the rules of an entry's own fields.
func (e *Entry) check(row kindRow) error {
	if e.root() {
		if !e.Room.IsZero() {
			return refuse(ReasonGenesis, "%s that names a room", row.name)
		}
		e.Room = e.ID
	} else if e.Room.IsZero() {
		return refuse(ReasonRoom, "%s that names no room", row.name)
	}
	if !ascending(e.Heads) {
		return refuse(ReasonHeads, "heads out of order")
	}
	if err := e.checkPlace(row); err != nil {
		return err
	}
	return e.Body.check(e)
}

// checkPlace applies the rules of an entry's place: on a chain it names the
// entry before it, or as a chain's first the appointment, among its heads;
// beside the chains it has no number.
func (e *Entry) checkPlace(row kindRow) error {
	switch {
	case row.stand == standBeside:
		if !e.Chain.IsZero() || e.Number != 0 || !e.Prev.IsZero() {
			return refuse(ReasonChain, "%s on a chain", row.name)
		}
		if len(e.Heads) == 0 {
			return refuse(ReasonHeads, "%s without heads", row.name)
		}
	case row.stand == standRoot:
		if !e.Chain.IsZero() || e.Number != 1 || !e.Prev.IsZero() || len(e.Heads) != 0 {
			return refuse(ReasonGenesis, "%s with something before it", row.name)
		}
	case e.Number == 0, e.Number == 1 && e.Chain.IsZero():
		return refuse(ReasonNumber, "%s with number %d", row.name, e.Number)
	case row.stand == standMaster && !e.Chain.IsZero():
		return refuse(ReasonMasterOnly, "%s on an admin's chain", row.name)
	case e.Number == 1:
		if !e.Prev.IsZero() || !e.names(e.Chain) {
			return refuse(ReasonHeads, "first %s of a chain", row.name)
		}
	default:
		if e.Prev.IsZero() || !e.names(e.Prev) {
			return refuse(ReasonHeads, "%s whose heads omit the entry before it", row.name)
		}
	}
	return nil
}

// names reports whether id is among the heads.
func (e *Entry) names(id wire.ID) bool { return contains(e.Heads, id) }

// contains looks id up in an ascending list.
func contains(ids []wire.ID, id wire.ID) bool {
	lo, hi := 0, len(ids)
	for lo < hi {
		mid := (lo + hi) / 2
		switch c := ids[mid].Compare(id); {
		case c == 0:
			return true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return false
}

// A Place is where a new entry goes: see Authority.NextOnChain and
// Authority.NextBeside.
type Place struct {
	Room   wire.ID // zero for a root
	Chain  wire.ID
	Number uint64
	Prev   wire.ID
	Heads  []wire.ID
	Time   time.Time

	// Joins are those that count and that nothing on the way has named yet,
	// ascending, at most MaxJoins; Unlisted is how many more there are. A stop, a
	// demotion and a revocation name them, and so keep them.
	Joins    []wire.ID
	Unlisted int
}

// listed returns what a revoker at this place names, or why it must wait.
func (at Place) listed() ([]wire.ID, error) {
	if at.Unlisted > 0 {
		return nil, refuse(ReasonUnlisted, "%d joins", at.Unlisted)
	}
	return at.Joins, nil
}

// entryFields is how many elements an entry has before its signatures.
const entryFields = 10

// newEntry encodes and signs an entry. cosign is the second signer of kinds
// that have one.
func newEntry(key *identity.Private, kind Kind, at Place, body Body, cosign func(context string, fields ...[]byte) []byte) (*Entry, error) {
	row, _ := kindOf(uint64(kind))
	raw := encodeEntry(key.Public(), row, at, body)
	raw = wire.AppendBin(raw, key.Sign(row.context, raw))
	if row.cosigner != "" {
		raw = wire.AppendBin(raw, cosign(row.cosigner, raw))
	}
	return ParseEntry(raw)
}

// encodeEntry encodes an entry up to its signatures.
func encodeEntry(key identity.PublicKey, row kindRow, at Place, body Body) []byte {
	raw := wire.AppendArray(nil, entryFields+row.signatures())
	raw = wire.AppendUint(raw, version)
	raw = wire.AppendID(raw, at.Room)
	raw = wire.AppendUint(raw, uint64(row.kind))
	raw = wire.AppendBin(raw, key)
	raw = wire.AppendID(raw, at.Chain)
	raw = wire.AppendUint(raw, at.Number)
	raw = wire.AppendID(raw, at.Prev)
	raw = appendIDs(raw, at.Heads)
	raw = wire.AppendUint(raw, unixNano(at.Time))
	return wire.AppendBin(raw, body.appendBody(nil))
}

// unixNano is t in Unix nanoseconds, cut to the years from 1970 to 2262.
func unixNano(t time.Time) uint64 {
	switch {
	case t.Unix() < 0:
		return 0
	case t.Unix() > (1<<63-1)/1_000_000_000-1:
		return 1<<63 - 1
	}
	return uint64(t.UnixNano())
}
