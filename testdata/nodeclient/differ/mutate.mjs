// Changes one place of a value of the canonical encoding.
import { zeros } from '../lib/bytes.mjs'

const numbers = [
  0, 1, 2, 3, 4, 5, 6, 7, 31, 32, 63, 64, 65, 127, 128, 255, 256, 257, 511, 512, 513, 65535, 65536,
  2 ** 32 - 1, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n,
]
const lengths = [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 66, 255, 256, 1168, 1216]
const texts = ['', 'a', 'é', 'a\u0000', 'a\u001f', 'a\u007f', 'a\u0080', 'a\u202e', 'a\u2066', 'a\ufeffb', 'a\ufff9', '\u{1f600}',
  'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(256), 'x'.repeat(257), 'é'.repeat(32), ' a ', 'a\u061c', 'a\u200e', '\u{e0001}']

const any = (c) => c.of([true, c.of(numbers), c.bytes(32), zeros(32), c.of(texts), [], [1]])

function number(v, c) {
  return c.once(2) ? c.of(numbers) : c.once(2) ? BigInt(v) + 1n : BigInt(v) > 0n ? BigInt(v) - 1n : 1
}

function bin(v, c) {
  switch (c.below(6)) {
    case 0: return v.subarray(0, Math.max(0, v.length - 1))
    case 1: return Buffer.concat([v, c.bytes(1)])
    case 2: return zeros(v.length)
    case 3: return c.bytes(c.of(lengths))
    case 4: return c.bytes(v.length)
  }
  const flipped = Buffer.from(v)
  if (v.length > 0) flipped[c.below(v.length)] ^= 1 << c.below(8)
  return flipped
}

function array(v, c) {
  const out = [...v]
  switch (c.below(6)) {
    case 0: out.splice(c.below(v.length + 1), 1); break
    case 1: if (v.length > 0) out.splice(c.below(v.length), 0, c.of(v)); break
    case 2: out.reverse(); break
    case 3: out.push(any(c)); break
    case 4: return []
    case 5: {
      const n = c.of([2, 3, 4, 8, 9, 64, 65, 512, 513])
      return v.length === 0 ? out : Array.from({ length: n }, (_, i) => vary(v[i % v.length], i))
    }
  }
  return out
}

// A long list in ascending order, as many lists must be.
function vary(v, i) {
  if (Array.isArray(v) && v[0] instanceof Uint8Array) return [vary(v[0], i), ...v.slice(1)]
  if (!(v instanceof Uint8Array) || v.length < 2) return v
  const out = Buffer.from(v)
  out.writeUInt16BE(i + 1, 0)
  return out
}

function one(v, c) {
  if (c.once(12)) return any(c)
  if (typeof v === 'number' || typeof v === 'bigint') return number(v, c)
  if (v instanceof Uint8Array) return bin(v, c)
  if (typeof v === 'string') return c.of(texts)
  if (typeof v === 'boolean') return !v
  return array(v, c)
}

/** Changes v itself or, more often, something inside it. keep: how many of its last elements stay. */
export function mutate(v, c, keep = 0) {
  if (!Array.isArray(v) || v.length <= keep || c.once(8)) return keep > 0 ? v : one(v, c)
  const out = [...v]
  const i = c.below(v.length - keep)
  out[i] = mutate(v[i], c)
  return out
}
