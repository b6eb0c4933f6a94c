// The canonical encoding: package wire, "Canonical encoding".
//
// What is accepted is what the encoder would have written: a value is decoded,
// looked through for kinds that do not exist, encoded and compared.
import { Decoder, Encoder } from '@msgpack/msgpack'
import { equal } from './bytes.mjs'

export const maxDepth = 6

export class Refused extends Error {}

// The library writes a natural number of at most 32 bits in its shortest form
// and, of what is larger, only a bigint as uint 64.
function prepare(v) {
  if (typeof v === 'bigint' || typeof v === 'number') {
    if (v < 0 || (typeof v === 'number' && !Number.isSafeInteger(v))) throw new Refused('not a natural number')
    return v < 2 ** 32 ? Number(v) : BigInt(v)
  }
  if (Array.isArray(v)) return v.map(prepare)
  return v
}

export const encode = (v) => Buffer.from(new Encoder({ useBigInt64: true }).encode(prepare(v)))

function look(v, depth) {
  switch (typeof v) {
    case 'boolean':
    case 'string':
      return v
    case 'number':
    case 'bigint':
      if (v < 0 || (typeof v === 'number' && !Number.isInteger(v))) throw new Refused('not a natural number')
      return v
  }
  if (v instanceof Uint8Array) return Buffer.from(v.buffer, v.byteOffset, v.byteLength)
  if (!Array.isArray(v)) throw new Refused('a value of a kind that does not exist')
  if (depth === 0) throw new Refused('nested too deep')
  return v.map((item) => look(item, depth - 1))
}

/** Decodes one value, which must be all of bytes. Numbers of 2^32 and more come as bigint. */
export function decode(bytes, depth = maxDepth) {
  let v
  try {
    v = look(new Decoder({ useBigInt64: true }).decode(bytes), depth)
  } catch (err) {
    throw new Refused(`not the canonical encoding: ${err.message}`)
  }
  if (!equal(encode(v), bytes)) throw new Refused('not the canonical encoding')
  return v
}

/** Decodes the values that stand one after another in bytes, as [value, bytes of it]. */
export function* decodeMany(bytes) {
  let rest = bytes
  while (rest.length > 0) {
    let v
    try {
      v = look(new Decoder({ useBigInt64: true }).decodeMulti(rest).next().value, maxDepth)
    } catch (err) {
      throw new Refused(`not the canonical encoding: ${err.message}`)
    }
    const own = encode(v)
    if (!equal(own, rest.subarray(0, own.length))) throw new Refused('not the canonical encoding')
    yield v
    rest = rest.subarray(own.length)
  }
}

// Shapes of fields: a shape takes a decoded value and returns it, or refuses it.

export const shape = {
  uint: (max = 2n ** 64n - 1n) => (v) => {
    if ((typeof v !== 'number' && typeof v !== 'bigint') || v > max) throw new Refused('no number, or too large')
    return v
  },
  bin: (min, max = min) => (v) => {
    if (!(v instanceof Uint8Array) || v.length < min || v.length > max) throw new Refused('no byte string, or of a wrong length')
    return v
  },
  binOr0: (n) => (v) => {
    if (!(v instanceof Uint8Array) || (v.length !== 0 && v.length !== n)) throw new Refused('no byte string, or of a wrong length')
    return v
  },
  str: (max) => (v) => {
    if (typeof v !== 'string' || Buffer.byteLength(v) > max) throw new Refused('no text, or too long')
    return v
  },
  bool: () => (v) => {
    if (typeof v !== 'boolean') throw new Refused('neither true nor false')
    return v
  },
  list: (item, max = Infinity, min = 0) => (v) => {
    if (!Array.isArray(v) || v.length < min || v.length > max) throw new Refused('no array, or of a wrong length')
    return v.map(item)
  },
  tuple: (...items) => (v) => {
    if (!Array.isArray(v) || v.length !== items.length) throw new Refused('no array of the right length')
    return v.map((x, i) => items[i](x))
  },
  /** A structure, given as {name: shape}: an array on the wire, an object here. */
  struct: (of) => {
    const names = Object.keys(of)
    return (v) => {
      if (!Array.isArray(v) || v.length !== names.length) throw new Refused('not the fields that the structure has')
      return Object.fromEntries(names.map((n, i) => [n, of[n](v[i])]))
    }
  },
}
shape.id = shape.bin(32)
