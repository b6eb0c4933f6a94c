// The families of records: how one is made at the edge of the rules, and how
// this implementation decides it.
import { readFileSync } from 'node:fs'
import { H, base32, concat, equal, hex, sha256, unhex, utf8, zeroID, zeros } from '../lib/bytes.mjs'
import { decode, encode } from '../lib/canonical.mjs'
import { parseEntry } from '../lib/entries.mjs'
import { parseBundle, signer } from '../lib/identity.mjs'
import { parseBox, parseDelegation, parseLink } from '../lib/links.mjs'
import { parseBody, rowOf } from '../lib/messages.mjs'
import { incarnationOf, parseProof, parseRun } from '../lib/runs.mjs'
import { mutate } from './mutate.mjs'

const me = signer(sha256(utf8('me')))
const link = signer(sha256(utf8('link')))
const id = (n) => sha256(utf8(`id ${n}`))
const ids = (...n) => n.map(id).sort(Buffer.compare)
const none = zeros(64)
const sealing = Buffer.alloc(1216, 7)

const attempt = (f, otherwise) => {
  try {
    return f()
  } catch {
    return otherwise
  }
}

// Once in eight the form itself is spoiled behind the signature.
function spoil(bytes, c) {
  if (!c.once(8)) return bytes
  switch (c.below(4)) {
    case 0: return concat(bytes, c.bytes(1))
    case 1: return bytes.subarray(0, -1)
    case 2: return bytes.length > 0 && bytes[0] >> 4 === 9 ? concat(Buffer.from([0xdc, 0, bytes[0] & 15]), bytes.subarray(1)) : bytes
  }
  const flipped = Buffer.from(bytes)
  flipped[c.below(bytes.length)] ^= 1 << c.below(8)
  return flipped
}

// Signs a tree whose last elements are signatures, by [signer, context] each.
function sign(tree, ...by) {
  const whole = encode([...tree.slice(0, tree.length - by.length), ...by.map(() => none)])
  let out = whole.subarray(0, whole.length - 66 * by.length)
  for (const [s, context] of by) out = concat(out, encode(s.sign(context, out)))
  return out
}

const changed = (tree, c, keep) => {
  let out = tree
  for (let n = c.below(3); n > 0; n--) out = mutate(out, c, keep)
  return out
}

const bundleTree = [1, me.public, 1, sealing, 'ada', none]
const bundle = sign(bundleTree, [me, 'bundle'])

const other = signer(sha256(utf8('other')))
const othersBundle = sign([1, other.public, 1, sealing, 'bob', none], [other, 'bundle'])
const [lower, upper] = [me, other].sort((a, b) => Buffer.compare(a.id, b.id))
const pins = [[id(5), 7, id(6)]]

const entryTree = (kind, number, prev, heads, body) => [1, kind === 1 || kind === 16 ? zeroID : id(0), kind, me.public, zeroID, number, prev, heads, 5, encode(body)]
const entryTrees = [
  entryTree(1, 1, zeroID, [], [c16(1), 'ops', 'a topic', 0, 0, bundle]),
  entryTree(2, 2, id(1), ids(1, 2), [c16(2), id(9), pins]),
  entryTree(3, 3, id(2), ids(2), [link.public, sealing, 1, 0, 3]),
  entryTree(4, 0, zeroID, ids(3), [id(3), link.public, bundle, c16(3)]),
  entryTree(5, 0, zeroID, ids(4), [pins]),
  entryTree(6, 4, id(3), ids(3), [othersBundle, 2]),
  entryTree(7, 5, id(4), ids(4), [id(20), 0, 1, pins, ids(21, 22), c16(23), id(24)]),
  entryTree(7, 5, id(4), ids(4), [id(20), 2, 0, pins, ids(21), zeros(0), zeroID]),
  entryTree(8, 6, id(5), ids(5), [id(20)]),
  entryTree(9, 7, id(6), ids(6), [id(20)]),
  entryTree(10, 8, id(7), ids(7), [id(25), id(26), ids(21), c16(27), id(28)]),
  entryTree(11, 9, id(8), ids(8), ['ops', 'a topic', 1, 10, 86400, 3600]),
  entryTree(12, 10, id(9), ids(9), [othersBundle]),
  entryTree(13, 11, id(10), ids(10), [ids(29), ids(30, 31)]),
  entryTree(14, 12, id(11), ids(11), [[[id(32), 9, id(33), ids(34), ids(35)]]]),
  entryTree(15, 0, zeroID, ids(12), [bundle]),
  pairTree(),
]

function pairTree() {
  const tree = entryTree(16, 1, zeroID, [], [upper.public])
  return [...tree.slice(0, 3), lower.public, ...tree.slice(4, 8), 0, tree[9]]
}

function c16(n) {
  return id(n).subarray(0, 16)
}

// The signatures of a kind: the writer's, and a second one of some.
const signersOf = {
  4: [[me, 'join'], [link, 'join-link']],
  12: [[me, 'entry'], [other, 'handover']],
  16: [],
}

function makeEntry(c) {
  const base = c.of(entryTrees)
  const signers = signersOf[base[2]] ?? [[me, 'entry']]
  let tree = [...base, ...signers.map(() => none)]
  if (c.once(2)) tree[9] = encode(changed(decode(tree[9]), c))
  else tree = changed([...tree, none], c, signers.length + 1).slice(0, -1)
  return spoil(sign(tree, ...signers), c)
}

const message = (n) => concat(c16(n), id(n), id(n + 1))
const runTrees = [
  [1, id(0), me.public, incarnationOf(id(0), me.id, c16(1), ids(3, 4)), c16(1), 1, zeroID, id(2), ids(3, 4), 77, [[id(8), 3]], [message(1)], none],
  [1, id(0), me.public, id(7), zeros(0), 5, id(6), id(2), ids(3), 77, [], [message(1), message(2)], none],
  [1, id(0), me.public, incarnationOf(id(0), me.id, c16(1), []), c16(1), 1, zeroID, zeroID, [], 77, [], [message(3)], none],
]

const leaf = (m) => H('msg', m.subarray(0, 16), m.subarray(16, -32), m.subarray(-32))

function runHash([, room, key, incarnation, , first, prev, epoch, heads, clock, refs, messages], leaves = messages.map(leaf)) {
  return H('run', room, sha256(key), incarnation, first, leaves.length, prev, epoch, heads, clock, refs, ...leaves)
}

function makeRun(c) {
  let tree = changed(c.of(runTrees), c, 1)
  if (c.once(2) && tree.length === 13) {
    tree = [...tree]
    tree[3] = attempt(() => (equal(tree[4], zeros(0)) ? tree[3] : incarnationOf(tree[1], sha256(tree[2]), tree[4], tree[8])), tree[3])
  }
  const hash = attempt(() => runHash(tree), zeroID)
  return spoil(encode([...tree.slice(0, -1), me.sign('run', hash)]), c)
}

const side = (n) => [id(2), ids(3, 4), n, [[id(8), 3]], [id(n), id(n + 1)], none]
const proofTrees = [[1, id(0), me.public, id(7), 5, id(6), side(1), side(2)], [1, id(0), me.public, id(7), 1, zeroID, side(3), side(4)]]

function makeProof(c) {
  const tree = [...c.of(proofTrees)]
  const head = changed([...tree.slice(0, 6), none], c, 1).slice(0, -1)
  const sides = [tree[6], tree[7]].map((s) => {
    const out = c.once(2) ? changed(s, c, 1) : s
    const [epoch, heads, clock, refs, leaves] = out
    const [, room, key, incarnation, first, prev] = head
    const hash = attempt(() => runHash([1, room, key, incarnation, 0, first, prev, epoch, heads, clock, refs, []], leaves), zeroID)
    return { hash, side: [...out.slice(0, -1), me.sign('run', hash)] }
  })
  if (!c.once(8)) sides.sort((a, b) => Buffer.compare(a.hash, b.hash))
  return spoil(encode([...head, ...sides.map((s) => s.side)]), c)
}

const signedOnce = (tree, context) => (c) => spoil(sign(changed(tree, c, 1), [me, context]), c)

function makeLink(c) {
  const tree = changed([1, id(0), id(1), 'home', ['10.0.0.1:19946', '[fe80::1%eth0]:19946']], c)
  const array = encode(tree)
  const text = `parley:${base32(concat(array, H('link-text', array).subarray(0, 4)))}`
  switch (c.below(8)) {
    case 0: return text.toUpperCase()
    case 1: return text.slice(0, -1)
    case 2: return `${text}a`
    case 3: return text.replace('p', 'P')
  }
  return text
}

const bodies = JSON.parse(readFileSync(new URL('../../frames/bodies.json', import.meta.url), 'utf8')).filter((v) => v.name.endsWith('-filled'))

// A body's input has its type's number in front, in 2 bytes.
function makeBody(c) {
  const v = c.of(bodies)
  return concat(Buffer.from([v.type >> 8, v.type & 255]), spoil(encode(changed(decode(unhex(v.body)), c)), c))
}

const parse = (f, value) => (input) => hex(value(f(input)))

export const families = {
  bundles: { make: signedOnce(bundleTree, 'bundle'), decide: parse(parseBundle, (b) => b.id) },
  entries: { make: makeEntry, decide: parse(parseEntry, (e) => e.id) },
  runs: { make: makeRun, decide: parse(parseRun, (r) => r.hash) },
  proofs: { make: makeProof, decide: parse(parseProof, (p) => p.id) },
  boxes: { make: signedOnce([1, id(0), id(1), id(2), me.public, Buffer.alloc(1168, 3), none], 'box'), decide: parse(parseBox, (b) => b.id) },
  delegations: {
    make: (c) => signedOnce([1, id(0), id(1), me.public, c.below(2), 9, none], c.of(['delegate', 'delegate-link']))(c),
    decide: parse(parseDelegation, (d) => d.hash),
  },
  links: { make: makeLink, decide: parse(parseLink, (l) => l.secret) },
  bodies: {
    make: makeBody,
    decide(input) {
      parseBody(rowOf(input.readUInt16BE(0)), input.subarray(2))
      return ''
    },
  },
}
