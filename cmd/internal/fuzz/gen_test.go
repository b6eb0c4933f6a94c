package fuzz

import (
	"reflect"
	"slices"
	"testing"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// offline is a world whose den was made at no peer.
func offline(role string, seed uint64) *world {
	w := newWorld(&Target{Network: identity.Network{Name: "lab"}}, &Script{Seed: seed, Clock: 1795675117331, Role: role})
	w.layOut()
	return w
}

// What is signed has to get past the checks of its form to reach the rules of a
// room: of every kind enough must.
func TestMostOfWhatIsSignedIsWellFormedAndOfEveryKind(t *testing.T) {
	made, good := map[string]int{}, map[string]int{}
	kinds := map[rooms.Kind]int{}
	count := func(what string, err error) {
		made[what]++
		if err == nil {
			good[what]++
		}
	}
	for _, role := range Roles() {
		for seed := range uint64(30) {
			g := newGen(offline(role, seed), 0)
			for range 20 {
				raw, _ := g.entry()
				e, err := rooms.ParseEntry(raw)
				count("entry", err)
				if err == nil {
					kinds[e.Kind]++
				}
				raw, _ = g.run(false)
				r, err := rooms.ParseRun(raw)
				if err == nil {
					err = r.Verify()
				}
				count("run", err)
				_, err = rooms.ParseProof(g.proof())
				count("proof", err)
				_, err = rooms.ParseBox(g.record(wire.SetBoxes))
				count("box", err)
			}
		}
	}
	for what, n := range made {
		if good[what] < n*6/10 || what != "box" && good[what] == n {
			t.Errorf("of %d %ss %d are well-formed", n, what, good[what])
		}
	}
	for kind := rooms.KindGenesis; kind <= rooms.KindPair; kind++ {
		if kinds[kind] < 10 {
			t.Errorf("%d entries of kind %v", kinds[kind], kind)
		}
	}
}

func TestAnEpisodeFollowsFromItsWorldAndIsReadAgainAsItWasWritten(t *testing.T) {
	edits, ops := 0, map[string]bool{}
	for _, role := range Roles() {
		for n := range uint64(60) {
			w := offline(role, n)
			s := w.script.with(generate(w, n))
			if again := generate(offline(role, n), n); !reflect.DeepEqual(s.Steps, again) {
				t.Fatalf("episode %d of the %s is another one the second time", n, role)
			}
			if len(s.Steps) > maxSteps || len(s.Steps) < 3 {
				t.Errorf("episode %d of the %s has %d steps", n, role, len(s.Steps))
			}
			for _, step := range s.Steps {
				edits += len(step.Edits)
				ops[step.Op] = true
			}
			s.Problem, s.Observed = "code: it\nbroke", []string{"1 < Hello"}
			read, err := ParseScript(s.String())
			if err != nil {
				t.Fatal(err)
			}
			read.Problem, read.Observed = s.Problem, s.Observed
			for i := range read.Steps {
				if got, want := read.Steps[i].String(), s.Steps[i].String(); got != want {
					t.Fatalf("step %d is read as %q, was %q", i, got, want)
				}
			}
			if read.Seed != s.Seed || read.Clock != s.Clock || read.Role != s.Role || len(read.Steps) != len(s.Steps) {
				t.Errorf("read as %+v", read)
			}
		}
	}
	for _, op := range []string{opDial, opSend, opLater, opAwait, opRecord, opStall, opMute, opHalf, opCut, opClose, opWait} {
		if !ops[op] {
			t.Errorf("no episode has a step %q", op)
		}
	}
	if edits < 100 {
		t.Errorf("%d edits in 240 episodes", edits)
	}
}

func TestAScriptThatIsNoneIsRefusedWithItsLine(t *testing.T) {
	const world = "world seed=1 series=0 clock=2 role=relay\n"
	for _, text := range []string{
		"", "# nothing\n", "1 dial x peer\n", "world seed=1\n", "world seed=1 series=0 clock=2 role=king\n",
		world + "1 fly\n", world + "x send 0 Ping 9101\n", world + "1 send 0 Ping zz\n", world + "1 send 0 Nothing 91\n",
		world + "1 dial x king\n", world + "1 record melt 1\n", world + "1 wait 1h\n", world + "1 send 0 Ping 9101 edit 1\n",
		world + "1 mute now\n",
	} {
		if s, err := ParseScript(text); err == nil {
			t.Errorf("%q is read as %+v", text, s)
		}
	}
}

// Edits change what is there and leave the rest; every kind of value is changed in time.
func TestEditsKnowTheGrammar(t *testing.T) {
	body := wire.AppendArray(nil, 4)
	body = wire.AppendUint(body, 300)
	body = wire.AppendStr(wire.AppendBin(body, make([]byte, 32)), "name")
	body = wire.AppendBool(wire.AppendArray(body, 1), true)
	all := values(body)
	var kinds []valueKind
	for _, v := range all {
		kinds = append(kinds, v.kind)
	}
	if want := []valueKind{anArray, aNumber, aBin, aText, anArray, aBool}; !slices.Equal(kinds, want) {
		t.Fatalf("the values are %v, want %v", kinds, want)
	}
	if all[0].size != len(body) || all[2].size != 34 {
		t.Errorf("sizes %d and %d", all[0].size, all[2].size)
	}
	g := newGen(offline(roleMember, 1), 0)
	canonical, at := 0, map[int]bool{}
	for range 2000 {
		e := g.edit(body)
		changed := e.apply(body)
		at[e.Offset] = true
		if len(changed) > len(body)+2*maxGrowth+100 {
			t.Fatalf("an edit makes %d bytes of %d", len(changed), len(body))
		}
		if wire.CheckCanonical(changed, wire.MaxDepth) == nil {
			canonical++
		}
	}
	if canonical < 500 || canonical > 1900 {
		t.Errorf("%d of 2000 edits leave a canonical encoding", canonical)
	}
	for _, v := range all {
		if !at[v.offset] {
			t.Errorf("the value at %d is never changed", v.offset)
		}
	}
}
