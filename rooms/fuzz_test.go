package rooms

import (
	"bytes"
	"testing"

	"parley/wire"
)

// fuzzRecord seeds a target with the samples of a family, the committed vectors
// of its file and near misses, and checks that what is accepted encodes back to itself.
func fuzzRecord(f *testing.F, family string, check func([]byte) ([]byte, error)) {
	seeds := 0
	for _, v := range readVectors(f, family) {
		f.Add(v.bytes(f))
		seeds++
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := bytes.Clone(raw)
		again, err := check(raw)
		if err == nil && !bytes.Equal(again, in) {
			t.Fatalf("accepted, and encodes to\n%x\nnot\n%x", again, in)
		}
		if err != nil && reasonOf(err) == ReasonNone {
			t.Fatalf("refused without a reason: %v", err)
		}
		if !bytes.Equal(raw, in) {
			t.Fatal("the input was changed")
		}
	})
}

func FuzzRun(f *testing.F) {
	fuzzRecord(f, "runs", func(raw []byte) ([]byte, error) {
		r, err := ParseRun(raw) // without the signature, which no fuzzer finds
		if err != nil {
			return nil, err
		}
		_ = r.Verify()
		state := r.Extend(nil)
		if state.Last < r.First {
			panic("numbers overflow")
		}
		JudgeOpen(r, state)
		_, _, _ = NewAuthority(r.Room).Judge(r, state)
		c := NewMessageCipher([EpochKeySize]byte{}, r.Room, r.Epoch, r.Author, r.Incarnation)
		for i := range r.Messages {
			_, _ = c.Open(nil, r, i)
		}
		return encodeRun(r), nil
	})
}

func FuzzEntry(f *testing.F)      { fuzzRecord(f, "entries", checkEntry) }
func FuzzBox(f *testing.F)        { fuzzRecord(f, "boxes", checkBox) }
func FuzzDelegation(f *testing.F) { fuzzRecord(f, "delegations", checkDelegation) }
func FuzzProof(f *testing.F)      { fuzzRecord(f, "proofs", checkProof) }
func FuzzMessage(f *testing.F)    { fuzzRecord(f, "plaintexts", checkMessage) }

func FuzzLink(f *testing.F) {
	fuzzRecord(f, "links", func(raw []byte) ([]byte, error) {
		again, err := checkLink(raw)
		if err != nil {
			return nil, err
		}
		if back, err := checkLink(again); err != nil || !bytes.Equal(back, again) {
			panic("a link does not encode back to itself")
		}
		return raw, nil // case and white space around it are free
	})
}

// FuzzEntryBody reads bodies without the signatures around them, which keep the
// fuzzer of whole entries out.
func FuzzEntryBody(f *testing.F) {
	for _, v := range readVectors(f, "entries") {
		if e, err := ParseEntry(v.bytes(f)); err == nil {
			f.Add(uint8(e.Kind), e.Body.appendBody(nil))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		row, ok := kindOf(uint64(kind))
		if !ok {
			return
		}
		e := &Entry{Kind: row.kind}
		in := wire.NewReader(body)
		e.Body = row.read(in, e)
		if in.Done() != nil {
			return
		}
		if again := e.Body.appendBody(nil); !bytes.Equal(again, body) {
			t.Fatalf("%s encodes to\n%x\nnot\n%x", row.name, again, body)
		}
		_ = e.Body.check(e)
	})
}
