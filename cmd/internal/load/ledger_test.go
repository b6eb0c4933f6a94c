package load

import "testing"

func TestALedgerFindsWhatIsLostDoubledAndOutOfOrder(t *testing.T) {
	all := func(messageKey) bool { return true }
	ten := func(int) uint64 { return 10 }
	play := func(numbers ...uint64) *ledger {
		l := newLedger([]int{4})
		for _, n := range numbers {
			l.add(4, n)
		}
		return l
	}
	for name, c := range map[string]struct {
		l                       *ledger
		given, doubled, lost, d uint64
	}{
		"each once, in order":  {play(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), 10, 0, 0, 0},
		"nothing":              {play(), 0, 0, 10, 0},
		"the end is missing":   {play(0, 1, 2, 3, 4, 5, 6, 7), 8, 0, 2, 0},
		"one is missing":       {play(0, 1, 2, 3, 5, 6, 7, 8, 9), 9, 0, 1, 0},
		"one is doubled":       {play(0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9), 10, 1, 0, 0},
		"the last is doubled":  {play(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9), 10, 1, 0, 0},
		"two change places":    {play(0, 1, 3, 2, 4, 5, 6, 7, 8, 9), 10, 0, 0, 1},
		"late, and then again": {play(0, 1, 3, 2, 2, 4, 5, 6, 7, 8, 9), 10, 1, 0, 1},
	} {
		if l := c.l; l.given != c.given || l.doubled != c.doubled || l.disorder != c.d || l.lost(all, ten) != c.lost {
			t.Errorf("%s: %d given, %d doubled, %d out of order, %d lost", name, l.given, l.doubled, l.disorder, l.lost(all, ten))
		}
		if got := c.l.complete(all, ten); got != (c.lost == 0) {
			t.Errorf("%s: complete is %v", name, got)
		}
	}
	l := play(0, 2)
	if n := l.lost(func(at messageKey) bool { return at.number != 1 }, func(int) uint64 { return 3 }); n != 0 {
		t.Errorf("%d lost, of which none was acknowledged", n)
	}
	if l.add(5, 0) || l.given != 2 {
		t.Error("a message of another room's writer is counted")
	}
}

func TestALedgerRemembersABoundedNumberOfMissingMessages(t *testing.T) {
	l := newLedger([]int{0})
	l.add(0, 10*maxMissing)
	if len(l.missing) != maxMissing {
		t.Errorf("%d remembered", len(l.missing))
	}
	if n := l.lost(func(messageKey) bool { return true }, func(int) uint64 { return 10*maxMissing + 1 }); n != 10*maxMissing {
		t.Errorf("%d lost of %d", n, 10*maxMissing)
	}
}
