package rooms

import (
	"encoding/hex"
	"slices"
	"strconv"
	"testing"
	"testing/cryptotest"

	"parley/handshake/identity"
	"parley/wire"
)

// A telling is what a check did, signed, to be told as a vector.
type telling struct {
	world   *world // the check's own
	links   map[string]*identity.Signer
	refused []*Entry
	runs    []judgedRun
	seen    map[wire.ID]string // by hash: the run's name
}

func (p *people) tellOf(w *world) {
	if p.told != nil && p.told.world == nil {
		p.told.world = w
	}
}

// sign signs an entry as its writer and, if it has two signers, the other would.
func (t *telling) sign(p *people, key *identity.Private, row kindRow, e *Entry) *Entry {
	raw := e.Raw
	if row.context != "" {
		raw = wire.AppendBin(raw, key.Sign(row.context, raw))
	}
	switch body := e.Body.(type) {
	case *Join:
		sign := p.keys[p.name(identity.KeyID(body.LinkKey))]
		if link := t.links[string(body.LinkKey)]; link != nil {
			raw = wire.AppendBin(raw, link.Sign(row.cosigner, raw))
		} else {
			raw = wire.AppendBin(raw, sign.Sign(row.cosigner, raw))
		}
	case *Handover:
		raw = wire.AppendBin(raw, p.keys[p.name(body.Bundle.ID())].Sign(row.cosigner, raw))
	}
	signed, err := ParseEntry(raw)
	if err != nil {
		panic(err) // a check makes what can be read
	}
	return signed
}

func (t *telling) inviteBody(seed wire.ID, role Role) *Invite {
	link := identity.SigningFromSeed(seed)
	sealing, err := identity.SealingFromSeed(seed[:])
	if err != nil {
		panic(err) // the seed has the right size
	}
	t.links[string(link.Public())] = link
	return &Invite{LinkKey: link.Public(), LinkSealing: sealing.Public(), Role: role}
}

// tellRun notes a run that is judged, and those that it needs.
func (w *world) tellRun(what string, r *Run, fork uint64, held, before []*Run) {
	t := w.told
	if t == nil {
		return
	}
	note := func(r *Run, name string) judgedRun {
		key := w.keys[w.name(r.Author)]
		r.Key = key.Public()
		r.sig = key.Sign(contextRun, r.Hash[:])
		t.seen[r.Hash] = name
		return judgedRun{Name: name, Input: hex.EncodeToString(encodeRun(r)), Before: []string{}}
	}
	done := []*Run{}
	for _, b := range slices.Concat(before, held) {
		if _, ok := t.seen[b.Hash]; !ok {
			v := note(b, "run-"+hexID(b.Hash)[:8])
			for _, d := range done {
				if d.Hash == b.Prev {
					v.Before = append(slices.Clone(t.find(d).Before), t.seen[d.Hash])
				}
			}
			t.runs = append(t.runs, v)
		}
		done = append(done, b)
	}
	if _, ok := t.seen[r.Hash]; ok && t.find(r).Fork == fork {
		return
	}
	v := note(r, what)
	v.Fork = fork
	for _, b := range before {
		v.Before = append(v.Before, t.seen[b.Hash])
	}
	for _, h := range held {
		v.Held = append(v.Held, t.seen[h.Hash])
	}
	t.runs = append(t.runs, v)
}

func (t *telling) find(r *Run) *judgedRun {
	i := slices.IndexFunc(t.runs, func(v judgedRun) bool { return v.Name == t.seen[r.Hash] })
	return &t.runs[i]
}

// vector is what a check did, as a vector.
func (t *telling) vector(tb testing.TB, name string) validityVector {
	w := t.world
	v := validityVector{Name: name, Room: hexID(w.room), Roles: map[string]string{}, Runs: t.runs}
	for _, e := range w.All() {
		v.Entries = append(v.Entries, namedEntry{Name: e.Kind.String() + " by " + w.name(e.Writer), Input: hex.EncodeToString(e.Raw)})
	}
	for _, e := range t.refused {
		if _, _, err := w.Add(e); err != nil {
			v.Entries = append(v.Entries, namedEntry{Name: e.Kind.String() + " by " + w.name(e.Writer), Input: hex.EncodeToString(e.Raw), Refused: reasonOf(err).String()})
		}
	}
	for _, n := range names() {
		v.Roles[hexID(w.id(n))] = w.Now().Role(w.id(n)).String()
	}
	byName := map[string]*Run{}
	for i := range v.Runs {
		verdict, why := judgeVector(tb, w.Authority, &v.Runs[i], byName)
		if v.Runs[i].Verdict = verdict.String(); why != ReasonNone {
			v.Runs[i].Reason = why.String()
		}
	}
	v.Epochs, v.Invites, v.Removed, v.Void = stateOf(w.Authority)
	return v
}

// stateOf is what else follows from the entries held, as IDs in ascending order.
func stateOf(a *Authority) (epochs, invites, removed, void []string) {
	now := a.Now()
	for _, e := range now.Epochs() {
		epochs = append(epochs, hexID(e.ID))
	}
	for _, i := range now.Invites() {
		invites = append(invites, hexID(i.Entry.ID))
	}
	for _, r := range now.Removed() {
		removed = append(removed, hexID(r.ID))
	}
	for i, e := range a.All() {
		if !a.counts.has(i) {
			void = append(void, hexID(e.ID))
		}
	}
	slices.Sort(void)
	return epochs, invites, removed, void
}

func (v *validityVector) checkState(t testing.TB, a *Authority) {
	t.Helper()
	if v.Name == "" {
		return
	}
	epochs, invites, removed, void := stateOf(a)
	for _, c := range []struct {
		what      string
		got, want []string
	}{{"epochs", epochs, v.Epochs}, {"invites", invites, v.Invites}, {"removed", removed, v.Removed}, {"void", void, v.Void}} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %s are %v, not %v", v.Name, c.what, c.got, c.want)
		}
	}
}

func makeAuthority(t testing.TB) (list []validityVector) {
	p := newPeople(t)
	for _, c := range checks() {
		p.time, p.told = 0, &telling{links: map[string]*identity.Signer{}, seen: map[wire.ID]string{}}
		fatal(t, c.run(p, 0))
		list = append(list, p.told.vector(t, c.name))
	}
	return list
}

// An authorityFile is histories that share the entries with which they begin: each
// entry's input is the place of its bytes in Entries.
type authorityFile struct {
	Entries   []string         `json:"entries"`
	Histories []validityVector `json:"histories"`
}

// share puts the entries of all histories in one list.
func share(list []validityVector) (f authorityFile) {
	at := map[string]string{}
	for _, v := range list {
		for i := range v.Entries {
			e := &v.Entries[i]
			if _, ok := at[e.Input]; !ok {
				at[e.Input] = strconv.Itoa(len(f.Entries))
				f.Entries = append(f.Entries, e.Input)
			}
			e.Input = at[e.Input]
		}
		f.Histories = append(f.Histories, v)
	}
	return f
}

// histories are the vectors of a file, each with its own entries.
func (f authorityFile) histories(t testing.TB) []validityVector {
	for _, v := range f.Histories {
		for i := range v.Entries {
			n, err := strconv.Atoi(v.Entries[i].Input)
			fatal(t, err)
			v.Entries[i].Input = f.Entries[n]
		}
	}
	return f.Histories
}

func TestVectorsOfAuthorityGiveTheStateThatTheySay(t *testing.T) {
	if *update {
		cryptotest.SetGlobalRandom(t, 23)
		writeVectors(t, "authority", share(makeAuthority(t)))
	}
	var file authorityFile
	readJSON(t, "authority", &file)
	list := file.histories(t)
	if len(list) != len(checks()) {
		t.Fatalf("%d histories of %d checks", len(list), len(checks()))
	}
	verdicts, refused, void := map[string]int{}, 0, 0
	for _, v := range list {
		t.Run(v.Name, func(t *testing.T) {
			for verdict, times := range v.check(t) {
				verdicts[verdict] += times
			}
		})
		void += len(v.Void)
		for _, e := range v.Entries {
			if e.Refused != "" {
				refused++
			}
		}
	}
	if len(verdicts) != 4 || refused == 0 || void == 0 {
		t.Fatalf("verdicts %v, %d entries refused, %d void", verdicts, refused, void)
	}
}
