import { createCipheriv } from 'node:crypto'
import { concat, hmac, unhex } from '../lib/bytes.mjs'
import { openMessage, openRecord, sealMessage, sealRecord } from '../lib/seal.mjs'
import { refuses, same } from './expect.mjs'

const keysOf = (v) => ({ enc: unhex(v.Enc), mac: unhex(v.Mac), iv: unhex(v.IV) })

export const families = {
  'seal/published-aes256'(vectors, each) {
    for (const v of vectors) {
      each(v.Name, () => {
        const c = createCipheriv(`aes-256-${v.Mode.toLowerCase()}`, unhex(v.Key), v.IV ? unhex(v.IV) : null).setAutoPadding(false)
        same('ciphertext', concat(c.update(unhex(v.Plaintext)), c.final()), v.Ciphertext)
      })
    }
  },
  'seal/published-hmac-sha256'(vectors, each) {
    for (const v of vectors) each(v.Name, () => same('tag', hmac(unhex(v.Key), unhex(v.Data)).subarray(0, v.Tag.length / 2), v.Tag))
  },
  'seal/records'(vectors, each) {
    for (const v of vectors) {
      const at = [keysOf(v), BigInt(v.Generation), BigInt(v.Counter)]
      each(v.Name, () => {
        if (v.Refused) return refuses(() => openRecord(...at, unhex(v.Sealed)))
        same('sealed', sealRecord(...at, unhex(v.Plaintext)), v.Sealed)
        same('opened', openRecord(...at, unhex(v.Sealed)), v.Plaintext)
      })
    }
  },
  'seal/messages'(vectors, each) {
    for (const v of vectors) {
      const at = [keysOf(v), unhex(v.IV), unhex(v.AD)]
      each(v.Name, () => {
        if (v.Refused) return refuses(() => openMessage(...at, unhex(v.Sealed)))
        same('sealed', sealMessage(...at, unhex(v.Plaintext)), v.Sealed)
        same('opened', openMessage(...at, unhex(v.Sealed)), v.Plaintext)
      })
    }
  },
}
