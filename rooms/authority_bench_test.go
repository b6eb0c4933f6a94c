package rooms

import (
	"fmt"
	"testing"

	"parley/wire"
)

// largeRoom is a room of n members who joined by links, 50 a link, each with an
// own entry; admins confirm the joins, and remove every fiftieth.
func largeRoom(p *people, n int) *world {
	w := newWorld(p, 0)
	eve := p.keys["eve"]
	var inv *Entry
	for k := range n {
		if k%50 == 0 {
			inv = w.invite("bob", RoleMember)
			if k > 0 {
				w.revoke("kim")
				w.epoch("ada")
			}
		}
		// Members without keys of their own: what is measured does not read them.
		id := wire.Hash("member", fmt.Append(nil, k))
		w.time++
		e := w.forge(eve, KindJoin, Place{Room: w.room, Heads: []wire.ID{inv.ID}}, w.time, w.joinBody("eve", inv))
		e.Writer = id
		w.take(e)
		if k%50 == 49 {
			at := w.place("kim")
			w.at("kim", at, KindStop, &Stop{Subject: id, Joins: at.Joins, Epoch: w.newKey()})
		}
	}
	return w
}

func TestALargeRoomKeepsTheMembersThatRevokersHaveSeen(t *testing.T) {
	p := newPeople(t)
	w := largeRoom(p, 3000)
	if w.err != nil {
		t.Fatal(w.err)
	}
	members := len(w.Now().Members())
	if members != 3000-60+6 {
		t.Fatalf("%d members", members)
	}
}

// BenchmarkAuthorityLoad loads the entries of a large room and asks what follows from them.
func BenchmarkAuthorityLoad(b *testing.B) {
	w := largeRoom(newPeople(b), 10_000)
	if w.err != nil {
		b.Fatal(w.err)
	}
	all := w.All()
	b.ResetTimer()
	for b.Loop() {
		a := NewAuthority(w.room)
		for _, e := range all {
			_, _, _ = a.Add(e)
		}
		if len(a.Now().Members()) < 9000 {
			b.Fatal("members are missing")
		}
	}
	b.ReportMetric(float64(len(all)), "entries")
}

// BenchmarkAuthorityGrow adds entries to a large room one by one, and asks after each.
func BenchmarkAuthorityGrow(b *testing.B) {
	w := largeRoom(newPeople(b), 10_000)
	all := w.All()
	b.ResetTimer()
	for b.Loop() {
		a := NewAuthority(w.room)
		for k, e := range all {
			_, _, _ = a.Add(e)
			if k > len(all)-100 {
				a.Now().Role(e.Writer)
			}
		}
	}
}
