package embedded

import "testing"

func TestACacheRemembersAtLeastItsLimitAndAtMostTwice(t *testing.T) {
	const limit = 8
	c := newCache[int, int](limit)
	for i := range 1000 {
		c.put(i, -i)
		for back := range min(i+1, limit) {
			// Looked at in the maps: get would keep what it finds young.
			value, ok := c.young[i-back]
			if !ok {
				value, ok = c.old[i-back]
			}
			if !ok || value != back-i {
				t.Fatalf("after %d entries, the one %d before the last is %d, %v", i+1, back, value, ok)
			}
		}
		if n := len(c.young) + len(c.old); n > 2*limit {
			t.Fatalf("%d entries are remembered, the limit is %d", n, limit)
		}
	}
	if _, ok := c.get(999); !ok {
		t.Error("the last entry is not found")
	}
	if _, ok := c.get(1); ok {
		t.Error("an entry of long ago is found")
	}
}

func TestAnEntryThatIsUsedStaysInTheCache(t *testing.T) {
	c := newCache[int, int](8)
	c.put(-1, 1)
	for i := range 100 {
		if _, ok := c.get(-1); !ok {
			t.Fatalf("forgotten after %d others", i)
		}
		c.put(i, i)
	}
}
