// Links, boxes and delegations: package rooms.
import { H, base32, concat, equal, fields, hkdf, hmac, isZero, unbase32, zeros } from './bytes.mjs'
import { Refused, decode, encode, shape } from './canonical.mjs'
import { checkName, hpkeOpen, hpkeSeal, idOf, sealingKeyOfSeed, signer, verify } from './identity.mjs'
import { key, must, openSigned, signature, version } from './signed.mjs'

const linkShape = shape.tuple(version, shape.id, shape.bin(32), shape.str(64), shape.list(shape.str(262), 8))

export function parseLink(text) {
  if (text.length > 2048) throw new Refused('not an invite link')
  const lower = text === text.toUpperCase() ? text.toLowerCase() : text
  if (!lower.startsWith('parley:')) throw new Refused('not an invite link')
  let bytes
  try {
    bytes = unbase32(lower.slice('parley:'.length))
  } catch {
    throw new Refused('not an invite link')
  }
  const array = bytes.subarray(0, -4)
  if (bytes.length < 4 || !equal(H('link-text', array).subarray(0, 4), bytes.subarray(-4))) throw new Refused('not an invite link')
  const [v, room, secret, network, addresses] = linkShape(decode(array))
  must(v === 1 && !isZero(room), 'not a link of version 1, or of no room')
  checkName(network)
  for (const a of addresses) checkName(a, 1, 262)
  const seed = (use) => hkdf(secret, fields(use, room), 32)
  const sealing = sealingKeyOfSeed(seed('link-seal'))
  return { room, secret, network, addresses, signer: signer(seed('link-sign')), sealing, recipient: H('link', sealing.public) }
}

export const linkText = (room, secret, network, addresses) => {
  const array = encode([1, room, secret, network, addresses])
  return `parley:${base32(concat(array, H('link-text', array).subarray(0, 4)))}`
}

// Boxes

const boxShape = shape.tuple(version, shape.id, shape.id, shape.id, key, shape.bin(1168), signature)

export function parseBox(bytes) {
  const { v, before } = openSigned(bytes, boxShape, 4096)
  const [, room, epoch, recipient, by, sealed, sig] = v
  verify(by, sig, 'box', before(1))
  return { bytes, id: H('box', before(1)), room, epoch, recipient, sealer: idOf(by), sealed }
}

const boxInfo = (room, epoch, recipient, sealing) => fields('epoch', room, epoch.body.nonce, recipient, H('sealing', sealing))

/** The epoch's key out of a box, checked against the entry that begins the epoch. */
export function openBox(box, epoch, sealing) {
  const k = hpkeOpen(sealing, boxInfo(box.room, epoch, box.recipient, sealing.public), box.sealed)
  must(equal(epoch.body.commitment, hmac(k, fields('commit', box.room, epoch.body.nonce))), "not the epoch's key")
  return k
}

/** Seals an epoch's key to a member. */
export function makeBox(by, epoch, k, recipient, sealing) {
  const sealed = hpkeSeal(sealing, boxInfo(epoch.room, epoch, recipient, sealing), k)
  const open = encode([1, epoch.room, epoch.id, recipient, by.public, sealed, zeros(64)]).subarray(0, -66)
  return concat(open, encode(by.sign('box', open)))
}

// Delegations

const delegationShape = shape.tuple(version, shape.id, shape.id, key, shape.uint(1), shape.uint(), signature)
const contexts = ['delegate', 'delegate-link']

export function parseDelegation(bytes) {
  const { v, before } = openSigned(bytes, delegationShape, 512)
  const [, room, peer, by, kind, serial, sig] = v
  verify(by, sig, contexts[kind], before(1))
  return { room, peer, by: idOf(by), kind, context: contexts[kind], serial, hash: H('delegation', bytes) }
}

/** kind 0 is signed by a user of the room, kind 1 by an invite's link. */
export function makeDelegation(by, kind, room, peer, serial) {
  const open = encode([1, room, peer, by.public, kind, serial, zeros(64)]).subarray(0, -66)
  return concat(open, encode(by.sign(contexts[kind], open)))
}
