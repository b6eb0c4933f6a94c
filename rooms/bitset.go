package rooms

import "math/bits"

// A bitset is a set of entries by their place in Authority.nodes. Places are
// given in causal order: an entry's dependencies have lower ones.
type bitset []uint64

func (s bitset) has(i int) bool { return i>>6 < len(s) && s[i>>6]&(1<<(i&63)) != 0 }

// with returns s with i added; s is grown in place where it can be.
func (s bitset) with(i int) bitset {
	for i>>6 >= len(s) {
		s = append(s, 0)
	}
	s[i>>6] |= 1 << (i & 63)
	return s
}

// without takes i out of s.
func (s bitset) without(i int) {
	if i>>6 < len(s) {
		s[i>>6] &^= 1 << (i & 63)
	}
}

func (s bitset) clone() bitset { return append(bitset(nil), s...) }

// union returns s with all of t added.
func (s bitset) union(t bitset) bitset {
	for len(s) < len(t) {
		s = append(s, 0)
	}
	for w := range t {
		s[w] |= t[w]
	}
	return s
}

// intersect returns a new set of what is in both.
func (s bitset) intersect(t bitset) bitset {
	out := make(bitset, min(len(s), len(t)))
	for w := range out {
		out[w] = s[w] & t[w]
	}
	return out
}

// samePrefix reports whether s and t agree on the entries before place n.
func (s bitset) samePrefix(t bitset, n int) bool {
	for i := 0; i < n; i += 64 {
		var a, b uint64
		if i>>6 < len(s) {
			a = s[i>>6]
		}
		if i>>6 < len(t) {
			b = t[i>>6]
		}
		diff := a ^ b
		if left := n - i; left < 64 {
			diff &= 1<<left - 1
		}
		if diff != 0 {
			return false
		}
	}
	return true
}

// each calls f for the places in s in ascending order until it returns false.
func (s bitset) each(f func(i int) bool) {
	for w, word := range s {
		for word != 0 {
			if !f(w<<6 + bits.TrailingZeros64(word)) {
				return
			}
			word &= word - 1
		}
	}
}
