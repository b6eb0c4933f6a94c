// Authenticated encryption: package wire/seal.
import { createCipheriv, createDecipheriv, timingSafeEqual } from 'node:crypto'
import { be32, be64, concat, hmac } from './bytes.mjs'
import { Refused } from './canonical.mjs'

function encrypt(enc, iv, plaintext) {
  const c = createCipheriv('aes-256-cbc', enc, iv) // PKCS#7 padding
  return concat(c.update(plaintext), c.final())
}

function decrypt(enc, iv, ciphertext) {
  try {
    const d = createDecipheriv('aes-256-cbc', enc, iv)
    return concat(d.update(ciphertext), d.final())
  } catch {
    throw new Refused('cannot be opened')
  }
}

function split(sealed) {
  if (sealed.length < 48 || sealed.length % 16 !== 0) throw new Refused('cannot be opened')
  return [sealed.subarray(0, -32), sealed.subarray(-32)]
}

const recordIV = (keys, g, c) => {
  const ecb = createCipheriv('aes-256-ecb', keys.iv, null).setAutoPadding(false)
  return concat(ecb.update(concat(be64(g), be64(c))), ecb.final())
}

const recordTag = (keys, g, c, ciphertext) => hmac(keys.mac, be64(g), be64(c), be32(ciphertext.length + 32), ciphertext)

/** Seals a record at its place; the result has no length field. */
export function sealRecord(keys, g, c, plaintext) {
  const ciphertext = encrypt(keys.enc, recordIV(keys, g, c), plaintext)
  return concat(ciphertext, recordTag(keys, g, c, ciphertext))
}

export function openRecord(keys, g, c, sealed) {
  const [ciphertext, tag] = split(sealed)
  if (!timingSafeEqual(recordTag(keys, g, c, ciphertext), tag)) throw new Refused('cannot be opened')
  return decrypt(keys.enc, recordIV(keys, g, c), ciphertext)
}

const messageTag = (keys, iv, ad, ciphertext) => hmac(keys.mac, ad, iv, ciphertext, be64(8 * ad.length))

/** Seals with an explicit IV, which is not part of the result. */
export function sealMessage(keys, iv, ad, plaintext) {
  const ciphertext = encrypt(keys.enc, iv, plaintext)
  return concat(ciphertext, messageTag(keys, iv, ad, ciphertext))
}

export function openMessage(keys, iv, ad, sealed) {
  const [ciphertext, tag] = split(sealed)
  if (!timingSafeEqual(messageTag(keys, iv, ad, ciphertext), tag)) throw new Refused('cannot be opened')
  return decrypt(keys.enc, iv, ciphertext)
}
