// Runs and the messages in them, and proofs of forks: package rooms.
import { randomBytes } from 'node:crypto'
import { H, equal, fields, hkdf, isZero } from './bytes.mjs'
import { decode, encode, shape } from './canonical.mjs'
import { checkName, idOf, verify } from './identity.mjs'
import { openMessage, sealMessage } from './seal.mjs'
import { ascending, inOrder, key, must, openSigned, signature, version } from './signed.mjs'

export const maxRun = (1 << 20) - 4096
export const maxMessages = 512
const maxData = 983040
const maxHeads = 64

const refs = (v) => inOrder(shape.list(shape.tuple(shape.id, shape.uint()), 3)(v), (r) => r[0])

function sealed(v) {
  const m = shape.bin(64, maxRun)(v)
  must(m.length % 16 === 0, 'a message of no whole blocks')
  return m
}

const runShape = shape.tuple(
  version, shape.id, key, shape.id, shape.binOr0(16), shape.uint(), shape.id, shape.id, ascending(maxHeads),
  shape.uint(), refs, shape.list(sealed, maxMessages, 1), signature)

export const logOf = (room, author, incarnation) => H('log', room, author, incarnation)
export const messageID = (run, index) => H('message', run, index)
export const incarnationOf = (room, author, salt, heads) => H('inc', room, author, salt, heads)

const leafOf = (m) => H('msg', m.subarray(0, 16), m.subarray(16, -32), m.subarray(-32))

function hashOf(r) {
  return H('run', r.room, r.author, r.incarnation, r.first, r.leaves.length, r.prev, r.epoch, r.heads, r.clock, r.refs, ...r.leaves)
}

// The rules of a run that need nothing else, those of a side of a proof among them.
function checkPlace(r) {
  must(r.first >= 1, 'number zero')
  must(BigInt(r.first) + BigInt(r.leaves.length) - 1n < 2n ** 64n, 'numbers that overflow')
  must((BigInt(r.first) === 1n) === isZero(r.prev), 'the first run has no run before it, and no other')
  must(isZero(r.epoch) === (r.heads.length === 0), 'heads without an epoch, or an epoch without heads')
  must(r.refs.every(([, n]) => n >= 1), 'a reference to number zero')
}

const lastOf = (r) => BigInt(r.first) + BigInt(r.leaves.length) - 1n

/** Parses and verifies a run by itself; whether it counts is the authority's to judge. */
export function parseRun(bytes) {
  const { v } = openSigned(bytes, runShape, maxRun)
  const [, room, by, incarnation, salt, first, prev, epoch, heads, clock, rs, messages, sig] = v
  const r = { bytes, room, key: by, author: idOf(by), incarnation, salt, first, prev, epoch, heads, clock, refs: rs, messages }
  r.leaves = messages.map(leafOf)
  checkPlace(r)
  must((BigInt(first) === 1n) === (salt.length === 16), 'the first run has a salt, and no other')
  must(salt.length === 0 || equal(incarnation, incarnationOf(room, r.author, salt, heads)), 'a salt of another incarnation')
  r.hash = hashOf(r)
  verify(by, sig, 'run', r.hash)
  r.log = logOf(room, r.author, incarnation)
  r.last = lastOf(r)
  return r
}

/** Makes a run of messages sealed already. */
export function makeRun(signer, of) {
  const r = { ...of, author: signer.id, leaves: of.messages.map(leafOf) }
  const hash = hashOf(r)
  return encode([1, r.room, signer.public, r.incarnation, r.salt, r.first, r.prev, r.epoch, r.heads, r.clock, r.refs, r.messages,
    signer.sign('run', hash)])
}

// Messages

/** place: {room, epoch, author, incarnation, number, prev}. */
function messageKeys(epochKey, p) {
  const k = hkdf(epochKey, fields('msg', p.room, p.epoch, p.author, p.incarnation), 64)
  return { enc: k.subarray(0, 32), mac: k.subarray(32) }
}

const placeAD = (p) => fields(p.room, p.epoch, p.author, p.incarnation, p.number, p.prev)

const plainShape = shape.tuple(shape.uint(), shape.bin(0, maxData), shape.str(64))

export function parsePlaintext(bytes) {
  const [kind, data, name] = plainShape(decode(bytes))
  return { kind, data, name: checkName(name) }
}

export function openMessageAt(epochKey, place, m) {
  return parsePlaintext(openMessage(messageKeys(epochKey, place), m.subarray(0, 16), placeAD(place), m.subarray(16)))
}

export function sealMessageAt(epochKey, place, { kind = 0, data, name = '' }, iv = randomBytes(16)) {
  return Buffer.concat([iv, sealMessage(messageKeys(epochKey, place), iv, placeAD(place), encode([kind, data, name]))])
}

// Proofs of forks

const sideShape = shape.tuple(shape.id, ascending(maxHeads), shape.uint(), refs, shape.list(shape.id, maxMessages, 1), signature)
const proofShape = shape.tuple(version, shape.id, key, shape.id, shape.uint(), shape.id, sideShape, sideShape)

export function parseProof(bytes) {
  const { v } = openSigned(bytes, proofShape, 1 << 20)
  const [, room, by, incarnation, first, prev, ...sides] = v
  const author = idOf(by)
  const hashes = sides.map(([epoch, heads, clock, rs, leaves, sig]) => {
    const r = { room, author, incarnation, first, prev, epoch, heads, clock, refs: rs, leaves }
    checkPlace(r)
    const hash = hashOf(r)
    verify(by, sig, 'run', hash)
    return hash
  })
  must(Buffer.compare(...hashes) < 0, 'sides out of order')
  const log = logOf(room, author, incarnation)
  return { log, first, hashes, id: H('proof', log, ...hashes) }
}

