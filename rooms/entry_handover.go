package rooms

import (
	"parley/handshake/identity"
	"parley/wire"
)

// Handover is the body by which the master ends its reign and begins another's.
// Both sign.
type Handover struct {
	Bundle *identity.Bundle // the successor's
}

// OfferHandover makes a handover that the successor, whose bundle this is, has
// yet to sign: see AcceptHandover. Of the master only what the offer has seen
// counts once it is accepted, so a master writes nothing else meanwhile.
func OfferHandover(key *identity.Private, at Place, bundle *identity.Bundle) []byte {
	row, _ := kindOf(uint64(KindHandover))
	raw := encodeEntry(key.Public(), row, at, &Handover{Bundle: bundle})
	return wire.AppendBin(raw, key.Sign(row.context, raw))
}

// AcceptHandover signs an offer with the successor's key. The entry is checked
// like any other.
func AcceptHandover(key *identity.Private, offer []byte) (*Entry, error) {
	row, _ := kindOf(uint64(KindHandover))
	raw := append([]byte(nil), offer...)
	return ParseEntry(wire.AppendBin(raw, key.Sign(row.cosigner, raw)))
}

func (b *Handover) appendBody(dst []byte) []byte {
	return wire.AppendBin(wire.AppendArray(dst, 1), b.Bundle.Raw)
}

func readHandover(in *wire.Reader, _ *Entry) Body {
	in.Array(1)
	return &Handover{Bundle: &identity.Bundle{Raw: in.Bin(identity.MaxBundle)}} // parsed by check
}

func (b *Handover) check(e *Entry) error {
	bundle, err := othersBundle(e, b.Bundle.Raw)
	if err == nil {
		b.Bundle, e.cosigKey = bundle, bundle.Key
	}
	return err
}

// admissible: a handover stands on the master's chain, which its kind says.
func (b *Handover) admissible(*Authority, *Entry, bitset) error { return nil }
