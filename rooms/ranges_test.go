package rooms

import (
	"math/rand/v2"
	"slices"
	"testing"

	"parley/wire"
)

func randomID(rng *rand.Rand) (id wire.ID) {
	for i := range id {
		id[i] = byte(rng.Uint32())
	}
	return id
}

func TestATreesHashesFollowFromItsElementsAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var a, b rangeTree
		a.heads, b.heads = true, true
		want := map[wire.ID]element{}
		for range rng.IntN(600) {
			e := element{key: randomID(rng), last: rng.Uint64(), link: randomID(rng)}
			if rng.IntN(4) == 0 { // keys that share a long prefix
				e.key = wire.ID{1, 2, 3, byte(rng.Uint32())}
			}
			a.set(e)
			want[e.key] = e
			if rng.IntN(3) == 0 {
				a.rootHash()
			}
			if rng.IntN(3) == 0 {
				for k := range want {
					a.drop(k)
					delete(want, k)
					break
				}
			}
		}
		for _, e := range want {
			b.set(e)
		}
		if a.rootHash() != b.rootHash() || a.len() != len(want) {
			t.Fatal("the order of changes shows in the hash")
		}
		all := a.all()
		if len(all) != len(want) || !slices.IsSortedFunc(all, func(x, y element) int { return x.key.Compare(y.key) }) {
			t.Fatal("elements are missing or out of order")
		}
		for k, e := range want {
			if got, ok := a.get(k); !ok || got != e {
				t.Fatal("an element is not found")
			}
			prefix := []byte{}
			for i := range rng.IntN(64) {
				prefix = append(prefix, byte(nibble(&k, i)))
			}
			if a.hashAt(prefix) != b.hashAt(prefix) || a.hashAt(prefix) == (digest16{}) {
				t.Fatal("the hash at a prefix differs")
			}
			e.last++
			b.set(e)
			if a.rootHash() == b.rootHash() || a.hashAt(prefix) == b.hashAt(prefix) {
				t.Fatal("a changed element does not show in the hash")
			}
			e.last--
			b.set(e)
		}
	}
}

func BenchmarkATreeOf10000LogsAfterOneChange(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	t := rangeTree{heads: true}
	var keys []wire.ID
	for range 10000 {
		k := randomID(rng)
		keys = append(keys, k)
		t.set(element{key: k, last: 1})
	}
	t.rootHash()
	for i := 0; b.Loop(); i++ {
		t.set(element{key: keys[i%len(keys)], last: uint64(i + 2)})
		t.rootHash()
	}
}
