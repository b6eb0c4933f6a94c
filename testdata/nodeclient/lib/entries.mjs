// Entries, by themselves: package rooms, "Entries".
import { randomBytes } from 'node:crypto'
import { H, concat, equal, isZero, zeroID } from './bytes.mjs'
import { decode, encode, shape } from './canonical.mjs'
import { checkName, idOf, isKey, parseBundle, sealingSize, verify } from './identity.mjs'
import { ascending, inOrder, key, must, openSigned, signature, version } from './signed.mjs'

const maxEntry = 98304
const maxHeads = 64
const maxSeconds = 3153600000

export const kinds = {
  genesis: 1, epoch: 2, invite: 3, join: 4, leave: 5, add: 6, stop: 7, lift: 8, appoint: 9, demote: 10, policy: 11,
  handover: 12, revoke: 13, trim: 14, renew: 15, pair: 16,
}
const kindNames = Object.fromEntries(Object.entries(kinds).map(([name, n]) => [n, name]))
export const roleNames = ['none', 'relay', 'reader', 'member', 'master']
const roots = ['genesis', 'pair']
const beside = ['join', 'leave', 'renew']
const mastersAlone = ['policy', 'appoint', 'demote', 'handover', 'trim']

const { bin, id, list, str, struct, tuple, uint } = shape
const bundle = bin(0, maxEntry)
const pins = list(tuple(id, uint(), id), 512)
const joins = ascending(1024)
const heads = ascending(maxHeads)
const policy = { name: str(64), topic: str(256), history: uint(1), capacity: uint() }
const epoch = { nonce: bin(16), commitment: id }

const bodies = {
  genesis: struct({ nonce: bin(16), ...policy, bundle }),
  epoch: struct({ ...epoch, pins }),
  invite: struct({ linkKey: key, linkSealing: bin(sealingSize), uses: uint(), expiry: uint(), role: uint(3) }),
  join: struct({ invite: id, linkKey: key, bundle, nonce: bin(16) }),
  leave: struct({ pins }),
  add: struct({ bundle, role: uint(3) }),
  stop: struct({ subject: id, role: uint(2), ban: uint(1), pins, joins, nonce: shape.binOr0(16), commitment: id }),
  lift: struct({ subject: id }),
  appoint: struct({ subject: id }),
  demote: struct({ appointment: id, cut: id, joins, ...epoch }),
  policy: struct({ ...policy, retention: uint(maxSeconds), epochAge: uint(maxSeconds) }),
  handover: struct({ bundle }),
  revoke: struct({ invites: joins, joins }),
  trim: struct({ logs: list(tuple(id, uint(), id, heads, heads), 256, 1) }),
  renew: struct({ bundle }),
  pair: struct({ other: key }),
}

const common = [version, id, uint(), key, id, uint(), id, heads, uint(), bin(0, maxEntry)]
const forms = [tuple(...common), tuple(...common, signature), tuple(...common, signature, signature)]
const signatures = (kind) => (kind === 'pair' ? 0 : kind === 'join' || kind === 'handover' ? 2 : 1)

/** Parses and verifies an entry as far as it goes without any other. */
export function parseEntry(bytes) {
  const { v, before } = openSigned(bytes, (a) => forms[signatures(kindNames[a[2]])](a), maxEntry)
  const [, room, number, by, chain, place, prev, named, time, body, sig, second] = v
  const kind = kindNames[number]
  must(kind !== undefined, 'of a kind that is not known')
  must(isKey(by), 'a key of an unknown algorithm')
  const signed = before(signatures(kind))
  const e = { bytes, id: H('entry', signed), room, kind, key: by, writer: idOf(by), chain, number: place, prev, heads: named, time }
  e.body = bodies[kind](decode(body))
  checkPlace(e)
  checks[kind](e)
  if (kind !== 'pair') verify(by, sig, kind === 'join' ? 'join' : 'entry', signed)
  if (kind === 'join') verify(e.body.linkKey, second, 'join-link', before(1))
  if (kind === 'handover') verify(e.bundle.key, second, 'handover', before(1))
  return e
}

function checkPlace(e) {
  const root = roots.includes(e.kind)
  must(root === isZero(e.room), 'a room in a root, or none in another')
  if (root) {
    e.room = e.id
    must(e.number === 1 && isZero(e.chain) && isZero(e.prev) && e.heads.length === 0, 'a root at another place')
  } else if (beside.includes(e.kind)) {
    must(e.number === 0 && isZero(e.chain) && isZero(e.prev), 'stands on a chain')
    must(e.heads.length > 0, 'has no heads')
  } else {
    must(isZero(e.chain) || !mastersAlone.includes(e.kind), "stands on an admin's chain")
    const first = !isZero(e.chain) && e.number === 1
    must(first ? isZero(e.prev) : e.number >= 2 && !isZero(e.prev), 'a place that a chain does not have')
    must(e.heads.some((h) => equal(h, first ? e.chain : e.prev)), 'heads that omit the entry before')
  }
}

function checkPins(list) {
  inOrder(list, (p) => p[0])
  must(list.every(([, number, link]) => number > 0 && !isZero(link)), 'a pin of nothing')
}

function checkPolicy(p) {
  checkName(p.name, 1, 64)
  checkName(p.topic, 0, 256)
}

function ownBundle(e) {
  e.bundle = parseBundle(e.body.bundle)
  must(equal(e.bundle.id, e.writer), 'the bundle of another')
}

function othersBundle(e) {
  e.bundle = parseBundle(e.body.bundle)
  must(!equal(e.bundle.id, e.writer), "the writer's own bundle")
}

const othersSubject = (e) => must(!equal(e.body.subject, e.writer), 'about its writer')

const checks = {
  genesis(e) {
    checkPolicy(e.body)
    ownBundle(e)
  },
  epoch: (e) => checkPins(e.body.pins),
  invite(e) {
    must(isKey(e.body.linkKey), 'a link key of an unknown algorithm')
    must(e.body.role >= 1, 'an invite for no role')
  },
  join(e) {
    must(isKey(e.body.linkKey), 'a link key of an unknown algorithm')
    ownBundle(e)
    must(e.heads.some((h) => equal(h, e.body.invite)), 'heads that omit the invite')
  },
  leave: (e) => checkPins(e.body.pins),
  add(e) {
    othersBundle(e)
    must(e.body.role >= 1, 'an add to no role')
  },
  stop(e) {
    othersSubject(e)
    checkPins(e.body.pins)
    must(e.body.ban === 0 || e.body.role === 0, 'a ban that removes nobody')
    must(e.body.role === 2 ? e.body.nonce.length === 0 && isZero(e.body.commitment) : e.body.nonce.length === 16, 'an epoch where none is due, or none where one is')
  },
  lift: othersSubject,
  appoint: othersSubject,
  demote: () => {},
  policy: (e) => checkPolicy(e.body),
  handover: othersBundle,
  revoke: (e) => must(e.body.invites.length + e.body.joins.length > 0, 'revokes and confirms nothing'),
  trim(e) {
    inOrder(e.body.logs, (l) => l[0])
    must(e.body.logs.every(([, number, link, first, last]) => number > 0 && !isZero(link) && first.length > 0 && last.length > 0), 'a trim of nothing')
  },
  renew: ownBundle,
  pair(e) {
    must(isKey(e.body.other) && Buffer.compare(e.writer, idOf(e.body.other)) < 0, "not in the order of the users' IDs")
    must(BigInt(e.time) === 0n, 'a pair with a time')
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
