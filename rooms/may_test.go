package rooms

import (
	"testing"
	"time"
)

func TestWhatOneMayNotWriteIsRefusedBeforeItIsSignedAndSaysWhoMay(t *testing.T) {
	p := newPeople(t)
	w := newWorld(p, 0)
	w.ban("bob", "lux")
	w.stop("bob", "zoe", RoleNone)
	if w.err != nil {
		t.Fatal(w.err)
	}
	for _, c := range []struct {
		by   string
		kind Kind
		whom string
		want Reason
	}{
		{"ada", KindStop, "eve", ReasonNone},
		{"bob", KindStop, "eve", ReasonNone},
		{"bob", KindStop, "moe", ReasonNone}, // a ban of no member
		{"eve", KindStop, "rex", ReasonAdminsOnly},
		{"moe", KindStop, "rex", ReasonAdminsOnly},
		{"bob", KindStop, "bob", ReasonSelf},
		{"bob", KindStop, "kim", ReasonIsAdmin},
		{"ada", KindStop, "kim", ReasonIsAdmin},
		{"bob", KindStop, "ada", ReasonIsMaster},
		{"bob", KindAdd, "kim", ReasonIsAdmin},
		{"bob", KindAdd, "lux", ReasonBanned},
		{"bob", KindAdd, "zoe", ReasonNone},
		{"bob", KindLift, "lux", ReasonNone},
		{"bob", KindLift, "zoe", ReasonNone},
		{"bob", KindLift, "eve", ReasonNotRemoved},
		{"bob", KindAppoint, "eve", ReasonMasterOnly},
		{"ada", KindAppoint, "eve", ReasonNone},
		{"ada", KindAppoint, "bob", ReasonAlready},
		{"ada", KindAppoint, "moe", ReasonSubject},
		{"ada", KindDemote, "bob", ReasonNone},
		{"ada", KindDemote, "eve", ReasonNoAdmin},
		{"bob", KindDemote, "kim", ReasonMasterOnly},
		{"ada", KindHandover, "eve", ReasonNone},
		{"ada", KindHandover, "ada", ReasonSelf},
		{"kim", KindPolicy, "", ReasonMasterOnly},
		{"kim", KindTrim, "", ReasonMasterOnly},
		{"kim", KindEpoch, "", ReasonNone},
		{"eve", KindEpoch, "", ReasonAdminsOnly},
		{"eve", KindLeave, "", ReasonNone},
		{"ada", KindLeave, "", ReasonMasterLeaves},
		{"moe", KindLeave, "", ReasonNotMember},
		{"eve", KindRenew, "", ReasonNone},
		{"eve", KindGenesis, "", ReasonKind},
	} {
		subject := w.room // nobody's
		if c.whom != "" {
			subject = w.id(c.whom)
		}
		if got := w.MayWrite(w.id(c.by), c.kind, subject); got != c.want {
			t.Errorf("%s, %s of %s: %q, not %q", c.by, c.kind, c.whom, got, c.want)
		}
	}
	pair := newPair(p, 0)
	for kind, want := range map[Kind]Reason{KindEpoch: ReasonNone, KindTrim: ReasonNone, KindRenew: ReasonNone, KindStop: ReasonPair, KindLeave: ReasonPair} {
		if got := pair.MayWrite(p.id("eve"), kind, p.id("ada")); got != want {
			t.Errorf("%s in a room of two: %q, not %q", kind, got, want)
		}
	}
}

func TestAPolicyReplacesWhatTheGenesisSaysAndTheLatestCounts(t *testing.T) {
	w := newWorld(newPeople(t), 0)
	if pol := w.Now().Policy(); pol.Name != "ops" || pol.EpochAge != DefaultEpochAge || pol.Retention != 0 {
		t.Fatalf("%+v", pol)
	}
	w.must("ada", KindPolicy, &Policy{Name: "deck", Capacity: 3, Retention: time.Hour})
	w.must("ada", KindPolicy, &Policy{Name: "bridge", History: HistoryJoined, Capacity: 2})
	if pol := w.Now().Policy(); w.err != nil || pol.Name != "bridge" || pol.Retention != 0 || pol.History != HistoryJoined {
		t.Fatalf("%+v, %v", pol, w.err)
	}
	inv := w.invite("bob", RoleMember)
	join := w.join("lux", inv)
	if why := w.Admit(join, testTime()); why != ReasonNone {
		t.Fatal("whoever is in already is refused: ", why)
	}
	other := w.split()
	if why := w.Admit(other.join("moe", inv), testTime()); why != ReasonCapacity {
		t.Fatal(why)
	}
}

func TestARenewedBundleIsTheMembersWhoeverElseGaveAnOlderOne(t *testing.T) {
	tr := newTestRoom(t)
	bob := tr.member("bob", RoleMember)
	old := bob.Bundle()
	fatal(t, bob.SetName("robert"))
	at := tr.NextBeside(bob.ID(), testTime())
	tr.add(NewRenew(bob, at))
	tr.add(NewAdd(tr.master, tr.next(), old, RoleReader))
	if m, ok := tr.Now().Member(bob.ID()); !ok || m.Bundle.Name != "robert" || m.Role != RoleReader {
		t.Fatalf("%+v", m)
	}
	e, err := NewRenew(bob, tr.NextBeside(bob.ID(), testTime()))
	tr.refused(ReasonBundle, e, err)
	eve := newUser(t, "eve")
	e, err = NewRenew(eve, tr.NextBeside(eve.ID(), testTime()))
	tr.refused(ReasonNotMember, e, err)
}

func TestAHandoverNeedsTheSuccessorsSignature(t *testing.T) {
	tr := newTestRoom(t)
	bob := tr.member("bob", RoleMember)
	offer := OfferHandover(tr.master, tr.next(), bob.Bundle())
	if _, err := ParseEntry(offer); reasonOf(err) != ReasonEncoding {
		t.Fatalf("an offer alone: %v", err)
	}
	if _, err := AcceptHandover(newUser(t, "eve"), offer); reasonOf(err) != ReasonSignature {
		t.Fatalf("accepted by somebody else: %v", err)
	}
	if !tr.Now().MayContest(bob.ID()) {
		t.Fatal("there is no admin to witness it")
	}
	tr.add(AcceptHandover(bob, offer))
	if tr.Now().Master() != bob.ID() || tr.Now().Role(tr.master.ID()) != RoleMember {
		t.Fatal("the room was not handed over")
	}
}

func TestBothSidesOfARoomOfTwoMakeTheSameRoom(t *testing.T) {
	one, two := newUser(t, "one"), newUser(t, "two")
	x, err := NewPair(one.Public(), two.Public())
	fatal(t, err)
	y, err := NewPair(two.Public(), one.Public())
	fatal(t, err)
	if x.ID != y.ID || x.Room != x.ID {
		t.Fatal("two rooms")
	}
	if _, err := NewPair(one.Public(), one.Public()); err == nil {
		t.Fatal("a room of one")
	}
	a := NewAuthority(x.ID)
	if _, _, err := a.Add(x); err != nil {
		t.Fatal(err)
	}
	if m, ok := a.Now().Member(two.ID()); !ok || m.Bundle != nil || m.Role != RoleMember {
		t.Fatalf("%+v", m)
	}
	e, err := NewRenew(two, a.NextBeside(two.ID(), testTime()))
	fatal(t, err)
	if _, _, err := a.Add(e); err != nil {
		t.Fatal(err)
	}
	if m, ok := a.Now().Member(two.ID()); !ok || m.Bundle.Name != "two" {
		t.Fatalf("%+v", m)
	}
	at, err := a.NextOnChain(two.ID(), testTime())
	fatal(t, err)
	key := [EpochKeySize]byte{1}
	epoch, err := NewEpoch(two, at, randomBytes(nonceSize), key)
	fatal(t, err)
	if _, _, err := a.Add(epoch); err != nil {
		t.Fatal(err)
	}
	box, err := SealBox(two, epoch, one.ID(), one.Bundle().Sealing, key)
	fatal(t, err)
	if v, why := a.JudgeBox(box); v != Valid {
		t.Fatal(v, why)
	}
}
