// What the records of rooms have in common: package rooms, "Conventions".
import { Refused, decode, shape } from './canonical.mjs'

const signatureSize = 66 // with its header

/** Decodes a record and checks its version; before(n) is its bytes before the last n signatures. */
export function openSigned(bytes, of, max) {
  if (bytes.length > max) throw new Refused('over its bound')
  const v = decode(bytes)
  if (!Array.isArray(v) || v[0] !== 1) throw new Refused('not a record of version 1')
  return { v: of(v), before: (n) => bytes.subarray(0, bytes.length - n * signatureSize) }
}

export const version = shape.uint(1)
export const key = shape.bin(33)
export const signature = shape.bin(64)

/** A list of IDs in strictly ascending order. */
export function ascending(max) {
  const list = shape.list(shape.id, max)
  return (v) => inOrder(list(v), (id) => id)
}

export function inOrder(list, of) {
  for (let i = 1; i < list.length; i++) {
    if (Buffer.compare(of(list[i - 1]), of(list[i])) >= 0) throw new Refused('not in strictly ascending order')
  }
  return list
}

export function must(holds, what) {
  if (!holds) throw new Refused(what)
}

