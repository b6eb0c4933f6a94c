package rooms

import (
	"bytes"
	"errors"
	"fmt"

	"parley/wire"
)

// Prepare parses the signed records in a message and checks their signatures.
// It may be called from any goroutine. An error means that the message breaks
// the protocol: no honest peer stores or forwards such a record. Of Records, those of a
// version or kind that is not known here are left out instead; a user who
// submits one is told, since it would not be stored.
// Messages without signed records give nil.
func Prepare(m wire.Message) (*Parts, error) {
	p := new(Parts)
	switch m := m.(type) {
	case *wire.Push:
		return p, p.runs(m.Runs)
	case *wire.Runs:
		return p, p.runs(m.Runs)
	case *wire.Append:
		return p, p.runs(m.Runs)
	case *wire.Records:
		for _, raw := range m.Records {
			if err := p.record(m.Set, raw); err != nil && !newer(err) {
				return nil, err
			}
		}
		return p, nil
	case *wire.OpenRoom:
		return p, p.right(m.Delegation, m.Join, newer)
	case *wire.Submit:
		if err := p.right(m.Delegation, m.Join, never); err != nil {
			return nil, err
		}
		for _, raw := range m.Entries {
			if err := p.record(wire.SetEntries, raw); err != nil {
				return nil, err
			}
		}
		for _, raw := range m.Boxes {
			if err := p.record(wire.SetBoxes, raw); err != nil {
				return nil, err
			}
		}
		return p, nil
	}
	return nil, nil
}

func (p *Parts) runs(raws [][]byte) error {
	p.Runs = make([]*Run, 0, len(raws))
	for _, raw := range raws {
		r, err := ParseRun(raw)
		if err != nil {
			return err
		}
		if err := r.Verify(); err != nil {
			return err
		}
		p.Runs = append(p.Runs, r)
	}
	return nil
}

// right takes a delegation, and the join that goes with it unless that is left out for an error.
func (p *Parts) right(delegation, join []byte, leftOut func(error) bool) error {
	if len(delegation) > 0 {
		d, err := ParseDelegation(delegation)
		if err != nil {
			return err
		}
		p.Delegation = d
	}
	if len(join) > 0 {
		e, err := ParseEntry(join)
		if err != nil && leftOut(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.Join() == nil {
			return refuse(ReasonKind, "an entry of another kind in the place of a join")
		}
		p.Entries = append(p.Entries, e)
	}
	return nil
}

func (p *Parts) record(set uint64, raw []byte) error {
	raw = bytes.Clone(raw) // records are kept; the frame is not to be kept with them
	var err error
	switch set {
	case wire.SetEntries:
		var e *Entry
		if e, err = ParseEntry(raw); err == nil {
			p.Entries = append(p.Entries, e)
		}
	case wire.SetBoxes:
		var b *Box
		if b, err = ParseBox(raw); err == nil {
			p.Boxes = append(p.Boxes, b)
		}
	case wire.SetProofs:
		var f *Proof
		if f, err = ParseProof(raw); err == nil {
			p.Proofs = append(p.Proofs, f)
		}
	default:
		return fmt.Errorf("rooms: set %d is unknown", set)
	}
	return err
}

// never leaves nothing out.
func never(error) bool { return false }

// newer reports whether a record was not read since it is of a version or kind
// that is not known here.
func newer(err error) bool { return errors.Is(err, ReasonVersion) || errors.Is(err, ReasonKind) }
