// Entries, by themselves: package rooms, "Entries".
import { randomBytes } from 'node:crypto'
import { H, concat, equal, isZero, zeroID } from './bytes.mjs'
import { decode, encode, shape } from './canonical.mjs'
import { checkName, idOf, isKey, parseBundle, sealingSize, verify } from './identity.mjs'
import { ascending, inOrder, key, must, openSigned, signature, version } from './signed.mjs'

const maxEntry = 98304
const maxHeads = 64

export const kinds = { genesis: 1, epoch: 2, invite: 3, join: 4, leave: 5 }
const kindNames = Object.fromEntries(Object.entries(kinds).map(([name, n]) => [n, name]))
export const roleNames = ['none', 'relay', 'reader', 'member', 'master']

const bodies = {
  genesis: shape.struct({
    nonce: shape.bin(16), name: shape.str(64), topic: shape.str(256), history: shape.uint(1), capacity: shape.uint(),
    bundle: shape.bin(0, maxEntry),
  }),
  epoch: shape.struct({ nonce: shape.bin(16), commitment: shape.id }),
  invite: shape.struct({ linkKey: key, linkSealing: shape.bin(sealingSize), uses: shape.uint(), expiry: shape.uint(), role: shape.uint(3) }),
  join: shape.struct({ invite: shape.id, linkKey: key, bundle: shape.bin(0, maxEntry), nonce: shape.bin(16) }),
  leave: shape.struct({ pins: shape.list(shape.tuple(shape.id, shape.uint(), shape.id), 1024) }),
}

const common = [version, shape.id, shape.uint(), key, shape.id, shape.uint(), shape.id, ascending(maxHeads), shape.uint(), shape.bin(0, maxEntry)]
const plain = shape.tuple(...common, signature)
const twice = shape.tuple(...common, signature, signature)

/** Parses and verifies an entry as far as it goes without any other. */
export function parseEntry(bytes) {
  const { v, before } = openSigned(bytes, (a) => (a[2] === kinds.join ? twice : plain)(a), maxEntry)
  const [, room, kind, by, chain, number, prev, heads, time, body, sig, linkSig] = v
  const name = kindNames[kind]
  must(name !== undefined, 'of a kind that is not known')
  const join = name === 'join'
  const signed = before(join ? 2 : 1)
  const e = { bytes, id: H('entry', signed), room, kind: name, key: by, writer: idOf(by), chain, number, prev, heads, time }
  e.body = bodies[name](decode(body))
  verify(by, sig, join ? 'join' : 'entry', signed)
  if (join) verify(e.body.linkKey, linkSig, 'join-link', before(1))
  checkPlace(e)
  checks[name](e)
  return e
}

function checkPlace(e) {
  must((e.kind === 'genesis') === isZero(e.room), 'a room in a genesis entry, or none in another')
  if (e.kind === 'genesis') {
    e.room = e.id
    must(e.number === 1 && isZero(e.chain) && isZero(e.prev) && e.heads.length === 0, 'a genesis entry at another place')
  } else if (e.kind === 'join' || e.kind === 'leave') {
    must(e.number === 0 && isZero(e.chain) && isZero(e.prev), 'stands on a chain')
    must(e.heads.length > 0, 'has no heads')
  } else {
    const first = !isZero(e.chain) && e.number === 1
    must(first ? isZero(e.prev) : e.number >= 2 && !isZero(e.prev), 'a place that a chain does not have')
    must(e.heads.some((h) => equal(h, first ? e.chain : e.prev)), 'heads that omit the entry before')
  }
}

const checks = {
  genesis(e) {
    checkName(e.body.name, 1, 64)
    checkName(e.body.topic, 0, 256)
    must(equal(parseBundle(e.body.bundle).id, e.writer), 'the bundle of another')
  },
  epoch() {},
  invite(e) {
    must(isKey(e.body.linkKey), 'a link key of an unknown algorithm')
    must(e.body.role >= 1, 'an invite for no role')
  },
  join(e) {
    must(equal(parseBundle(e.body.bundle).id, e.writer), 'the bundle of another')
    must(e.heads.some((h) => equal(h, e.body.invite)), 'heads that omit the invite')
  },
  leave(e) {
    inOrder(e.body.pins, (p) => p[0])
    must(e.body.pins.every(([, number, link]) => number > 0 && !isZero(link)), 'a pin of nothing')
  },
}

/** A newcomer's certificate: by its key and by the link's. heads: the invite among them. */
export function makeJoin(signer, bundle, link, invite, heads) {
  const body = encode([invite.id, link.signer.public, bundle, randomBytes(16)])
  const time = BigInt(Date.now()) * 1000000n
  const none = Buffer.alloc(64)
  const array = encode([1, invite.room, kinds.join, signer.public, zeroID, 0, zeroID, heads, time, body, none, none])
  const open = array.subarray(0, -132) // the bytes before both signatures
  const once = concat(open, encode(signer.sign('join', open)))
  return concat(once, encode(link.signer.sign('join-link', once)))
}
