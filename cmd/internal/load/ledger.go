package load

// A ledger is what one reader has been given of the writers of its room, and
// what of it was not as it must be: each message once, in its writer's order.
type ledger struct {
	next     map[int]uint64      // of each writer, the number behind the newest given
	missing  map[messageKey]bool // passed over, not given yet
	given    uint64
	doubled  uint64
	disorder uint64 // given behind a later one of its writer
	dropped  uint64 // passed over when missing was full
}

// A messageKey names a message of the run.
type messageKey struct {
	writer int
	number uint64
}

func newLedger(writers []int) *ledger {
	l := &ledger{next: make(map[int]uint64), missing: make(map[messageKey]bool)}
	for _, w := range writers {
		l.next[w] = 0
	}
	return l
}

// add takes note of a message. It is false for one that is nothing new: of
// another room's writer, or given before.
func (l *ledger) add(writer int, number uint64) bool {
	next, ok := l.next[writer]
	if !ok {
		return false
	}
	at := messageKey{writer, number}
	switch {
	case l.missing[at]:
		delete(l.missing, at)
		l.disorder++
	case number < next:
		l.doubled++
		return false
	default:
		for n := next; n < number; n++ {
			if len(l.missing) >= maxMissing {
				l.dropped += number - n
				break
			}
			l.missing[messageKey{writer, n}] = true
		}
		l.next[writer] = number + 1
	}
	l.given++
	return true
}

// lost counts the acknowledged messages that were not given. acked tells whether a
// message was acknowledged, and upto is the number behind a writer's last such.
func (l *ledger) lost(acked func(messageKey) bool, upto func(writer int) uint64) (lost uint64) {
	for at := range l.missing {
		if acked(at) {
			lost++
		}
	}
	for w, next := range l.next {
		for n := next; n < upto(w); n++ {
			if acked(messageKey{w, n}) {
				lost++
			}
		}
	}
	return lost + l.dropped
}

// complete tells whether nothing that was acknowledged is lost; upto is the number
// behind a writer's last acknowledged message.
func (l *ledger) complete(acked func(messageKey) bool, upto func(writer int) uint64) bool {
	for at := range l.missing {
		if acked(at) {
			return false
		}
	}
	for w, next := range l.next {
		if next < upto(w) {
			return false
		}
	}
	return l.dropped == 0
}
