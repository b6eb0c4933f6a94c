// Beacons: package discovery, "The beacon".
import { be64, concat, equal, hmac, isZero, utf8, zeros } from './bytes.mjs'
import { Refused } from './canonical.mjs'

const magic = utf8('PLYB')
export const kinds = { announce: 1, answer: 2, goodbye: 3 }

/** A datagram that is dropped; reason is the word of the vectors. */
export class BeaconRefused extends Refused {
  constructor(reason) {
    super(reason)
    this.reason = reason
  }
}

const keyed = (key, use, ...raw) => hmac(key, utf8(`parley/1/beacon-${use}`), zeros(1), ...raw)
const tagOf = (key, salt, counter) => keyed(key, 'tag', salt, be64(counter)).subarray(0, 16)

export function parseBeacon(key, d) {
  const drop = (reason) => { throw new BeaconRefused(reason) }
  if (d.length < 5 || !equal(d.subarray(0, 4), magic)) drop('malformed')
  if (d[4] !== 1) drop('version')
  if (d.length !== 80) drop('malformed')
  const b = { kind: d[5], port: d.readUInt16BE(6), instance: d.subarray(8, 16), salt: d.subarray(16, 24), counter: d.readBigUInt64BE(24) }
  if (b.kind < 1 || b.kind > 3 || isZero(b.instance) || b.counter === 0n) drop('malformed')
  if (!equal(d.subarray(32, 48), tagOf(key, b.salt, b.counter))) drop('foreign')
  if (!equal(d.subarray(48), keyed(key, 'mac', d.subarray(0, 48)))) drop('malformed')
  return b
}

export function makeBeacon(key, { kind, port, instance, salt, counter }) {
  const open = concat(magic, Buffer.from([1, kind, port >> 8, port & 255]), instance, salt, be64(counter), tagOf(key, salt, counter))
  return concat(open, keyed(key, 'mac', open))
}
