package rooms

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"parley/handshake/identity"
	"parley/wire"
)

var update = flag.Bool("update", false, "write the vectors anew")

const vectorDir = "../testdata/rooms"

// A recordVector is one record: what it proves, whether it is accepted, and
// what follows from it.
type recordVector struct {
	Name    string            `json:"name"`
	Input   string            `json:"input,omitempty"`   // hex
	Text    string            `json:"text,omitempty"`    // of links, instead of Input
	Refused string            `json:"refused,omitempty"` // the reason's text
	Values  map[string]string `json:"values,omitempty"`
}

func (v *recordVector) bytes(t testing.TB) []byte {
	if v.Text != "" {
		return []byte(v.Text)
	}
	raw, err := hex.DecodeString(v.Input)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func readVectors(t testing.TB, family string) (list []recordVector) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(vectorDir, family+".json"))
	fatal(t, err)
	fatal(t, json.Unmarshal(raw, &list))
	if len(list) == 0 {
		t.Fatalf("the family %s is empty", family)
	}
	return list
}

func writeVectors(t testing.TB, family string, list any) {
	t.Helper()
	out, err := json.MarshalIndent(list, "", " ")
	fatal(t, err)
	fatal(t, os.MkdirAll(vectorDir, 0o755))
	fatal(t, os.WriteFile(filepath.Join(vectorDir, family+".json"), append(out, '\n'), 0o644))
}

// A family is the vectors of one kind of record, and what reads them.
type family struct {
	name   string
	check  func(raw []byte) ([]byte, error)
	values func(raw []byte) map[string]string
	make   func(*vectorRoom) []recordVector
}

func families() []family {
	return []family{
		{"runs", checkRun, runValues, (*vectorRoom).runs},
		{"entries", checkEntry, entryValues, (*vectorRoom).entries},
		{"boxes", checkBox, boxValues, (*vectorRoom).boxes},
		{"delegations", checkDelegation, delegationValues, (*vectorRoom).delegations},
		{"proofs", checkProof, proofValues, (*vectorRoom).proofs},
		{"links", checkLink, linkValues, (*vectorRoom).linkTexts},
		{"plaintexts", checkMessage, messageValues, (*vectorRoom).plaintexts},
	}
}

func TestVectorsOfRecordsAreAcceptedAndRefusedAsTheySay(t *testing.T) {
	if *update {
		cryptotest.SetGlobalRandom(t, 20)
		room := newVectorRoom(t)
		for _, f := range families() {
			writeVectors(t, f.name, f.make(room))
		}
	}
	for _, f := range families() {
		accepted, refused := 0, 0
		for _, v := range readVectors(t, f.name) {
			t.Run(f.name+"/"+v.Name, func(t *testing.T) {
				raw := v.bytes(t)
				again, err := f.check(raw)
				if v.Refused != "" {
					refused++
					if err == nil || reasonOf(err).String() != v.Refused {
						t.Fatalf("refused with %v, not %q", err, v.Refused)
					}
					return
				}
				accepted++
				if err != nil || !bytes.Equal(again, raw) {
					t.Fatalf("%v; encodes to %x", err, again)
				}
				got := f.values(raw)
				if len(got) == 0 || len(got) != len(v.Values) {
					t.Fatalf("%d values, not %d", len(got), len(v.Values))
				}
				for key, want := range v.Values {
					if got[key] != want {
						t.Errorf("%s is %s, not %s", key, got[key], want)
					}
				}
			})
		}
		if accepted == 0 || refused == 0 {
			t.Errorf("%s: %d accepted, %d refused: a half of the family is missing", f.name, accepted, refused)
		}
	}
}

func ids(list []wire.ID) string {
	var b strings.Builder
	for _, id := range list {
		b.WriteString(hex.EncodeToString(id[:]))
	}
	return b.String()
}

func hexID(id wire.ID) string { return hex.EncodeToString(id[:]) }

func runValues(raw []byte) map[string]string {
	r, _ := ParseRun(raw)
	return map[string]string{
		"author": hexID(r.Author), "log": hexID(r.Log), "hash": hexID(r.Hash),
		"message-0": hexID(r.MessageID(0)), "heads": ids(r.Heads),
	}
}

func entryValues(raw []byte) map[string]string {
	e, _ := ParseEntry(raw)
	return map[string]string{"id": hexID(e.ID), "room": hexID(e.Room), "kind": e.Kind.String(), "writer": hexID(e.Writer)}
}

func boxValues(raw []byte) map[string]string {
	b, _ := ParseBox(raw)
	return map[string]string{"id": hexID(b.ID), "sealer": hexID(b.Sealer), "recipient": hexID(b.Recipient)}
}

func delegationValues(raw []byte) map[string]string {
	d, _ := ParseDelegation(raw)
	return map[string]string{"hash": hexID(d.Hash), "member": hexID(d.Member), "context": d.context()}
}

func proofValues(raw []byte) map[string]string {
	p, _ := ParseProof(raw)
	return map[string]string{"id": hexID(p.ID), "log": hexID(p.Log), "runs": ids(p.Runs[:])}
}

func linkValues(raw []byte) map[string]string {
	l, _ := ParseLink(string(raw))
	keys, err := l.Keys()
	if err != nil {
		return nil
	}
	return map[string]string{
		"room": hexID(l.Room), "network": l.Network, "addresses": strings.Join(l.Addresses, " "),
		"secret": hex.EncodeToString(l.Secret[:]), "signing-key": hex.EncodeToString(keys.Sign.Public()),
		"sealing-key-hash": hexID(wire.Hash("sealing", keys.Seal.Public())), "recipient": hexID(linkID(keys.Seal.Public())),
	}
}

func messageValues(raw []byte) map[string]string {
	m, _ := parseMessage(raw)
	return map[string]string{"data": hex.EncodeToString(m.Data), "name": m.Name}
}

// A vectorRoom is the room from which vectors are made.
type vectorRoom struct {
	*testRoom
	bob    *identity.Private
	invite *Entry
	join   *Entry
	all    []sample
}

func newVectorRoom(t testing.TB) *vectorRoom {
	v := &vectorRoom{testRoom: newTestRoom(t), bob: newUser(t, "bob"), all: samples(t)}
	v.invite = v.testRoom.invite(RoleMember)
	v.join = v.testRoom.join(v.bob, v.invite)
	return v
}

// accepted makes the vectors of the samples whose names begin with one of the prefixes.
func (v *vectorRoom) accepted(values func([]byte) map[string]string, prefixes ...string) (list []recordVector) {
	for _, s := range v.all {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s.name, p) }) {
			list = append(list, recordVector{Name: s.name, Input: hex.EncodeToString(s.raw), Values: values(s.raw)})
		}
	}
	return list
}

func refusedVector(name string, why Reason, raw []byte) recordVector {
	return recordVector{Name: name, Input: hex.EncodeToString(raw), Refused: why.String()}
}

// spoiled are the failures that every record has: each is good but for one thing.
func spoiled(good []byte) []recordVector {
	flip := func(i int) []byte {
		b := bytes.Clone(good)
		b[i] ^= 1
		return b
	}
	longer := append([]byte{0xdc, 0, good[0] & 0xf}, good[1:]...)
	newer := bytes.Clone(good)
	newer[1] = 2
	return []recordVector{
		refusedVector("wrong-signature", ReasonSignature, flip(len(good)-1)),
		refusedVector("cut-short", ReasonEncoding, good[:len(good)-1]),
		refusedVector("bytes-after-it", ReasonEncoding, append(bytes.Clone(good), 0)),
		refusedVector("array-in-a-longer-form", ReasonEncoding, longer),
		refusedVector("newer-version", ReasonVersion, newer),
		refusedVector("empty", ReasonEncoding, nil),
	}
}

func (v *vectorRoom) sample(name string) []byte {
	i := slices.IndexFunc(v.all, func(s sample) bool { return s.name == name })
	return v.all[i].raw
}

func (v *vectorRoom) runs() []recordVector {
	list := append(v.accepted(runValues, "run-"), spoiled(v.sample("run-next"))...)
	// A run that breaks a rule, but is signed: made by changing one that does not.
	broken := func(name string, why Reason, change func(*Run)) {
		r, err := ParseRun(v.write(v.bob, nil).Raw)
		fatal(v, err)
		change(r)
		r.Hash = r.hash()
		r.sig = v.bob.Sign(contextRun, r.Hash[:])
		list = append(list, refusedVector(name, why, encodeRun(r)))
	}
	broken("no-messages", ReasonBounds, func(r *Run) { r.Messages = nil })
	broken("number-zero", ReasonNumber, func(r *Run) { r.First = 0 })
	broken("numbers-overflow", ReasonNumber, func(r *Run) {
		r.First, r.Salt, r.Prev = ^uint64(0), nil, wire.ID{1}
		r.Messages = [][]byte{r.Messages[0], r.Messages[0]}
	})
	broken("message-of-no-whole-blocks", ReasonBounds, func(r *Run) { r.Messages[0] = append(r.Messages[0], 0) })
	broken("heads-out-of-order", ReasonHeads, func(r *Run) { r.Heads = []wire.ID{{2}, {1}} })
	broken("head-twice", ReasonHeads, func(r *Run) { r.Heads = []wire.ID{{2}, {2}} })
	broken("epoch-without-heads", ReasonHeads, func(r *Run) { r.Heads = nil })
	broken("references-out-of-order", ReasonBounds, func(r *Run) {
		r.Refs = []wire.Ref{{Log: wire.ID{2}, Number: 1}, {Log: wire.ID{1}, Number: 1}}
	})
	broken("salt-of-another-incarnation", ReasonIncarnation, func(r *Run) { r.Salt = make([]byte, saltSize) })
	broken("first-run-without-a-salt", ReasonIncarnation, func(r *Run) { r.Salt = nil })
	broken("later-run-with-a-salt", ReasonIncarnation, func(r *Run) { r.First, r.Prev = 2, wire.ID{1} })
	return list
}

func (v *vectorRoom) entries() []recordVector {
	list := append(v.accepted(entryValues, entryKinds()...), spoiled(v.sample("epoch"))...)
	broken := func(name string, why Reason, kind Kind, at Place, body Body) {
		list = append(list, refusedVector(name, why, v.signedAnyway(kind, at, body)))
	}
	nonce := make([]byte, nonceSize)
	epoch := &EpochBody{Nonce: nonce}
	at := v.next()
	wrong := at
	wrong.Heads = []wire.ID{v.genesis.ID}
	broken("heads-omit-the-entry-before", ReasonHeads, KindEpoch, wrong, epoch)
	wrong = at
	wrong.Number = 0
	broken("number-zero-on-a-chain", ReasonNumber, KindEpoch, wrong, epoch)
	wrong = at
	wrong.Room = wire.ID{}
	broken("no-room", ReasonRoom, KindEpoch, wrong, epoch)
	broken("invite-of-an-admin", ReasonInvite, KindInvite, at, &Invite{LinkKey: v.bob.Public(), LinkSealing: v.bob.Bundle().Sealing, Role: RoleAdmin})
	broken("leave-on-a-chain", ReasonChain, KindLeave, at, &Leave{})
	broken("leave-without-heads", ReasonHeads, KindLeave, Place{Room: v.Room()}, &Leave{})
	broken("genesis-that-names-a-room", ReasonGenesis, KindGenesis, Place{Room: v.Room(), Number: 1}, &Genesis{Nonce: nonce, Name: "x", Bundle: v.master.Bundle()})
	broken("genesis-with-another-bundle", ReasonWriter, KindGenesis, Place{Number: 1}, &Genesis{Nonce: nonce, Name: "x", Bundle: v.bob.Bundle()})
	broken("genesis-without-a-name", ReasonGenesis, KindGenesis, Place{Number: 1}, &Genesis{Nonce: nonce, Bundle: v.master.Bundle()})
	broken("genesis-with-a-control-character", ReasonGenesis, KindGenesis, Place{Number: 1}, &Genesis{Nonce: nonce, Name: "a\x1b[2J", Bundle: v.master.Bundle()})
	keys, err := v.links[v.invite.ID].Keys()
	fatal(v, err)
	join := &Join{Invite: v.invite.ID, LinkKey: keys.Sign.Public(), Bundle: v.master.Bundle(), Nonce: nonce}
	broken("join-that-omits-its-invite", ReasonHeads, KindJoin, Place{Room: v.Room(), Heads: []wire.ID{v.genesis.ID}}, join)
	broken("join-signed-by-another-link", ReasonSignature, KindJoin, Place{Room: v.Room(), Heads: []wire.ID{v.invite.ID}}, join)
	v.managing(broken, at)
	list = append(list, refusedVector("array-of-a-joins-length", ReasonEncoding, v.signedWith(12, KindEpoch, at, epoch)))
	signed := bytes.Clone(v.sample("pair"))
	list = append(list, refusedVector("pair-of-an-entrys-length", ReasonEncoding, append([]byte{signed[0] + 1}, append(signed[1:], 0)...)))
	unknown := bytes.Clone(v.sample("epoch"))
	unknown[1+1+34] = 32 // the kind's element
	return append(list, refusedVector("unknown-kind", ReasonKind, unknown))
}

// signedAnyway encodes and signs an entry by the master (second signature: the
// master's too), whatever rule it breaks.
func (v *vectorRoom) signedAnyway(kind Kind, at Place, body Body) []byte {
	row, _ := kindOf(uint64(kind))
	return v.signedWith(entryFields+row.signatures(), kind, at, body)
}

// signedWith is signedAnyway with n for the length of the array.
func (v *vectorRoom) signedWith(n int, kind Kind, at Place, body Body) []byte {
	row, _ := kindOf(uint64(kind))
	at.Time = testTime()
	b := encodeEntry(v.master.Public(), row, at, body)
	copy(b, wire.AppendArray(nil, n))
	if row.context != "" {
		b = wire.AppendBin(b, v.master.Sign(row.context, b))
	}
	if row.cosigner != "" {
		b = wire.AppendBin(b, v.master.Sign(row.cosigner, b))
	}
	return b
}

func (v *vectorRoom) boxes() []recordVector {
	return append(v.accepted(boxValues, "box"), spoiled(v.sample("box"))...)
}

func (v *vectorRoom) delegations() []recordVector {
	list := append(v.accepted(delegationValues, "delegation-"), spoiled(v.sample("delegation-member"))...)
	// A member's signature does not pass for a link's.
	swapped := bytes.Clone(v.sample("delegation-member"))
	i := len(swapped) - 2 - signatureSize - 2
	if swapped[i] != 0 {
		v.Fatal("not the element of the kind")
	}
	swapped[i] = 1
	return append(list, refusedVector("member-as-link", ReasonSignature, swapped))
}

func (v *vectorRoom) proofs() []recordVector {
	list := append(v.accepted(proofValues, "proof"), spoiled(v.sample("proof"))...)
	a := v.write(v.bob, nil)
	same := wire.AppendUint(wire.AppendArray(nil, 8), version)
	same = wire.AppendID(wire.AppendBin(wire.AppendID(same, a.Room), a.Key), a.Incarnation)
	same = wire.AppendID(wire.AppendUint(same, a.First), a.Prev)
	list = append(list, refusedVector("one-run-twice", ReasonFork, appendSide(appendSide(same, a), a)))
	// Sides in the other order, and a later run without a link, signed.
	proof := func(r1, r2 *Run) []byte {
		b := wire.AppendUint(wire.AppendArray(nil, 8), version)
		b = wire.AppendID(wire.AppendBin(wire.AppendID(b, r1.Room), r1.Key), r1.Incarnation)
		return appendSide(appendSide(wire.AppendID(wire.AppendUint(b, r1.First), r1.Prev), r1), r2)
	}
	siblings := func(first uint64, prev wire.ID, change ...func(*Run)) (*Run, *Run) {
		var out [2]*Run
		for i := range out {
			r, err := ParseRun(a.Raw)
			fatal(v, err)
			r.First, r.Prev, r.Clock = first, prev, uint64(i)
			for _, f := range change {
				f(r)
			}
			r.Hash = r.hash()
			r.sig = v.bob.Sign(contextRun, r.Hash[:])
			out[i] = r
		}
		slices.SortFunc(out[:], func(x, y *Run) int { return x.Hash.Compare(y.Hash) })
		return out[0], out[1]
	}
	lo, hi := siblings(5, wire.ID{1})
	list = append(list, refusedVector("sides-out-of-order", ReasonFork, proof(hi, lo)))
	lo, hi = siblings(5, wire.ID{})
	list = append(list, refusedVector("later-runs-without-a-link", ReasonFork, proof(lo, hi)))
	lo, hi = siblings(1, wire.ID{1})
	list = append(list, refusedVector("first-runs-with-a-link", ReasonFork, proof(lo, hi)))
	// Sides that are no runs, though their author signed them.
	for _, c := range []struct {
		name   string
		why    Reason
		change func(*Run)
	}{
		{"sides-without-messages", ReasonBounds, func(r *Run) { r.Messages = nil }},
		{"sides-with-heads-out-of-order", ReasonHeads, func(r *Run) { r.Heads = []wire.ID{{2}, {1}} }},
		{"sides-without-heads", ReasonHeads, func(r *Run) { r.Heads = nil }},
		{"sides-with-references-out-of-order", ReasonBounds, func(r *Run) { r.Refs = []wire.Ref{{Log: wire.ID{2}, Number: 1}, {Log: wire.ID{1}, Number: 1}} }},
	} {
		lo, hi = siblings(5, wire.ID{1}, c.change)
		list = append(list, refusedVector(c.name, c.why, proof(lo, hi)))
	}
	return list
}

func (v *vectorRoom) linkTexts() (list []recordVector) {
	text := string(v.sample("link"))
	list = append(list, recordVector{Name: "link", Text: text, Values: linkValues([]byte(text))})
	altered := []byte(text)
	altered[40] = 'a' + (altered[40]-'a'+1)%26
	refused := func(name, text string) {
		list = append(list, recordVector{Name: name, Text: text, Refused: ReasonLink.String()})
	}
	refused("letter-changed", string(altered))
	refused("letter-missing", text[:40]+text[41:])
	refused("end-missing", text[:len(text)-8])
	refused("no-prefix", text[len(linkPrefix):])
	refused("mixed-case", text[:40]+strings.ToUpper(text[40:]))
	return list
}

func (v *vectorRoom) plaintexts() []recordVector {
	list := v.accepted(messageValues, "message")
	return append(list,
		refusedVector("data-as-text", ReasonEncoding, []byte("\x93\x00\xa2hi\xa0")),
		refusedVector("two-elements", ReasonEncoding, []byte("\x92\x00\xc4\x02hi")),
		refusedVector("name-of-65-bytes", ReasonEncoding, append([]byte("\x93\x00\xc4\x00\xd9\x41"), make([]byte, 65)...)),
	)
}
