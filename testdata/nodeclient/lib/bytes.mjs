// Fields, hashes and text forms: package wire, "Fields and hashes" and "IDs".
import { createHash, createHmac } from 'node:crypto'

export const utf8 = (s) => Buffer.from(s, 'utf8')
export const hex = (b) => Buffer.from(b).toString('hex')
export const unhex = (s) => Buffer.from(s ?? '', 'hex')
export const concat = (...parts) => Buffer.concat(parts)
export const zeros = (n) => Buffer.alloc(n)
export const equal = (a, b) => Buffer.compare(a, b) === 0
export const zeroID = zeros(32)
export const isZero = (b) => b.every((x) => x === 0)

export function be32(n) {
  const b = Buffer.alloc(4)
  b.writeUInt32BE(n)
  return b
}

export function be64(n) {
  const b = Buffer.alloc(8)
  b.writeBigUInt64BE(BigInt(n))
  return b
}

// A field is a text, a byte string or a number; a list is its length as a
// number and then its items, which are fields or tuples of them.
function* flatten(parts) {
  for (const p of parts) {
    if (typeof p === 'string') yield utf8(p)
    else if (typeof p === 'number' || typeof p === 'bigint') yield be64(p)
    else if (Array.isArray(p)) {
      yield be64(p.length)
      for (const item of p) yield* flatten(Array.isArray(item) ? item : [item])
    } else yield p
  }
}

/** Each field after its length as 4 bytes big-endian. */
export function fields(...parts) {
  const out = []
  for (const f of flatten(parts)) out.push(be32(f.length), f)
  return concat(...out)
}

export const sha256 = (...parts) => createHash('sha256').update(concat(...parts)).digest()
export const H = (...parts) => sha256(fields(...parts))
export const hmac = (key, ...raw) => createHmac('sha256', key).update(concat(...raw)).digest()

export const extract = (salt, x) => hmac(salt, x)

/** HKDF-SHA-256 Expand (RFC 5869 section 2.3). */
export function expand(prk, info, length) {
  let block = zeros(0)
  let out = zeros(0)
  for (let i = 1; out.length < length; i++) {
    block = hmac(prk, block, info, Buffer.from([i]))
    out = concat(out, block)
  }
  return out.subarray(0, length)
}

/** HKDF-SHA-256 with no salt, which RFC 5869 takes as 32 zero bytes. */
export const hkdf = (secret, info, length) => expand(extract(zeros(32), secret), info, length)

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

export function base32(bytes) {
  let bits = 0
  let have = 0
  let out = ''
  for (const b of bytes) {
    bits = (bits << 8) | b
    have += 8
    while (have >= 5) {
      have -= 5
      out += alphabet[(bits >> have) & 31]
    }
    bits &= (1 << have) - 1
  }
  return have ? out + alphabet[(bits << (5 - have)) & 31] : out
}

/** Lower case only; refuses padding and trailing bits that are not zero. */
export function unbase32(text) {
  let bits = 0
  let have = 0
  const out = []
  for (const c of text) {
    const v = alphabet.indexOf(c)
    if (v < 0) throw new Error('not base32')
    bits = (bits << 5) | v
    have += 5
    if (have >= 8) {
      have -= 8
      out.push((bits >> have) & 255)
    }
    bits &= (1 << have) - 1
  }
  if (bits !== 0 || have >= 5) throw new Error('not base32')
  return Buffer.from(out)
}
