package rooms

import (
	"slices"

	"parley/wire"
)

// A digest16 is a shortened hash: it is compared, never signed.
type digest16 [16]byte

// An element is one item of a set that peers compare: an entry's, box's or
// proof's ID; or a log with its effective head.
type element struct {
	key   wire.ID
	last  uint64  // logs only
	link  wire.ID // logs only
	floor uint64  // logs only; not hashed: what was trimmed away makes no difference
}

// A rangeTree is a sorted set as a prefix tree over its keys, a nibble a level,
// in which every node has a hash of what lies below it (document "Comparing
// sets"). The shape follows from the elements alone, so equal sets have equal
// hashes. A change marks the nodes on its path; their hashes are made when they are asked for.
type rangeTree struct {
	root  rangeNode
	heads bool // elements are logs: last and link are hashed too
	buf   fieldBuffer
}

type rangeNode struct {
	count int
	fresh bool // hash is that of the elements
	hash  digest16
	kids  *[16]rangeNode // when count > rangeLeafMax
	leaf  []element      // otherwise; ascending
}

func nibble(key *wire.ID, depth int) int {
	b := key[depth/2]
	if depth%2 == 0 {
		return int(b >> 4)
	}
	return int(b & 15)
}

func findElement(leaf []element, key *wire.ID) (int, bool) {
	return slices.BinarySearchFunc(leaf, key, func(e element, k *wire.ID) int { return e.key.Compare(*k) })
}

// len is the number of elements.
func (t *rangeTree) len() int { return t.root.count }

// set inserts an element or replaces the one of the same key.
func (t *rangeTree) set(e element) {
	t.root.set(&e, 0)
}

func (n *rangeNode) set(e *element, depth int) (added bool) {
	if n.kids != nil {
		n.fresh = false
		if added = n.kids[nibble(&e.key, depth)].set(e, depth+1); added {
			n.count++
		}
		return added
	}
	i, found := findElement(n.leaf, &e.key)
	if found {
		if n.leaf[i] != *e {
			n.leaf[i] = *e
			n.fresh = false
		}
		return false
	}
	n.leaf = slices.Insert(n.leaf, i, *e)
	n.count++
	n.fresh = false
	if n.count > rangeLeafMax {
		n.kids = new([16]rangeNode)
		for i := range n.leaf {
			n.kids[nibble(&n.leaf[i].key, depth)].set(&n.leaf[i], depth+1)
		}
		n.leaf = nil
	}
	return true
}

// drop removes the element of a key, if there is one.
func (t *rangeTree) drop(key wire.ID) { t.root.drop(&key, 0) }

func (n *rangeNode) drop(key *wire.ID, depth int) bool {
	if n.kids == nil {
		i, found := findElement(n.leaf, key)
		if !found {
			return false
		}
		n.leaf = slices.Delete(n.leaf, i, i+1)
		n.count--
		n.fresh = false
		return true
	}
	if !n.kids[nibble(key, depth)].drop(key, depth+1) {
		return false
	}
	n.count--
	n.fresh = false
	if n.count <= rangeLeafMax {
		n.leaf = n.elements(make([]element, 0, n.count))
		n.kids = nil
	}
	return true
}

// get returns the element of a key.
func (t *rangeTree) get(key wire.ID) (element, bool) {
	n := t.node(key[:], 0)
	if i, found := findElement(n.leaf, &key); found {
		return n.leaf[i], true
	}
	return element{}, false
}

// node descends by the nibbles of raw key bytes to the leaf node for it.
func (t *rangeTree) node(key []byte, depth int) *rangeNode {
	n := &t.root
	for n.kids != nil {
		b := key[depth/2]
		if depth%2 == 0 {
			b >>= 4
		}
		n = &n.kids[b&15]
		depth++
	}
	return n
}

// elements appends all elements in ascending order of their keys.
func (n *rangeNode) elements(dst []element) []element {
	if n.kids == nil {
		return append(dst, n.leaf...)
	}
	for i := range n.kids {
		dst = n.kids[i].elements(dst)
	}
	return dst
}

// all returns the elements in ascending order.
func (t *rangeTree) all() []element { return t.root.elements(make([]element, 0, t.root.count)) }

// rootHash is the hash over the whole set.
func (t *rangeTree) rootHash() digest16 { return t.sum(&t.root) }

// sum is a node's hash: zeros for no elements; for at most rangeLeafMax of them
// H("range-leaf", the elements' fields...), else H("range-node", the sixteen
// children's hashes), both cut to 16 bytes.
func (t *rangeTree) sum(n *rangeNode) digest16 {
	if n.fresh {
		return n.hash
	}
	n.fresh = true
	n.hash = digest16{}
	switch {
	case n.count == 0:
	case n.kids == nil:
		n.hash = t.leafHash(n.leaf)
	default:
		var kids [16]digest16
		for i := range n.kids {
			kids[i] = t.sum(&n.kids[i])
		}
		b := t.buf[:0].text("range-node")
		for i := range kids {
			b = b.field(kids[i][:])
		}
		h := b.sum()
		t.buf = b
		n.hash = digest16(h[:16])
	}
	return n.hash
}

func (t *rangeTree) leafHash(leaf []element) digest16 {
	if len(leaf) == 0 {
		return digest16{}
	}
	b := t.buf[:0].text("range-leaf")
	for i := range leaf {
		b = b.id(&leaf[i].key)
		if t.heads {
			b = b.uint(leaf[i].last).id(&leaf[i].link)
		}
	}
	t.buf = b
	h := b.sum()
	return digest16(h[:16])
}

// at returns the node for a prefix. When the tree does not branch that deep,
// it is a node made for the occasion, with the leaf's elements below the prefix.
func (t *rangeTree) at(prefix []byte) *rangeNode {
	n := &t.root
	for depth, b := range prefix {
		if n.kids == nil {
			var part []element
			for _, e := range n.leaf {
				if hasPrefix(&e.key, prefix, depth) {
					part = append(part, e)
				}
			}
			return &rangeNode{count: len(part), leaf: part}
		}
		n = &n.kids[b]
	}
	return n
}

// hasPrefix reports whether the nibbles of key from depth on begin with those of prefix from there.
func hasPrefix(key *wire.ID, prefix []byte, depth int) bool {
	for ; depth < len(prefix); depth++ {
		if nibble(key, depth) != int(prefix[depth]) {
			return false
		}
	}
	return true
}

// hashAt is the hash of what lies below a prefix.
func (t *rangeTree) hashAt(prefix []byte) digest16 { return t.sum(t.at(prefix)) }

// validPrefix reports whether prefix can stand in a RangeNode.
func validPrefix(prefix []byte) bool {
	if len(prefix) > 2*wire.IDSize {
		return false
	}
	for _, b := range prefix {
		if b > 15 {
			return false
		}
	}
	return true
}
