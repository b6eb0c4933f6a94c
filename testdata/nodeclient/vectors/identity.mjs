import { base32, unbase32, unhex, zeros } from '../lib/bytes.mjs'
import { hpkeOpen, hpkeSeal, parseBundle, parseNetworkFile, sealingKeyOfSeed, signed, signer, verify } from '../lib/identity.mjs'
import { refuses, same } from './expect.mjs'

export const families = {
  'identity/keys'(vectors, each) {
    for (const v of vectors) {
      each(v.name, () => {
        const key = signer(unhex(v.seed))
        const f = (v.fields ?? []).map(unhex)
        same('public key', key.public, v.public)
        same('ID', base32(key.id), v.id)
        same('ID read', unbase32(v.id), key.id)
        same('bytes signed', signed(v.context, ...f), v.signed)
        same('signature', key.sign(v.context, ...f), v.signature)
        verify(key.public, unhex(v.signature), v.context, ...f)
        refuses(() => verify(key.public, unhex(v.signature), v.context, ...f, zeros(1)))
      })
    }
  },
  'identity/bundles'(vectors, each) {
    for (const v of vectors) {
      each(v.name, () => {
        if (v.error) return refuses(() => parseBundle(unhex(v.bundle)))
        const b = parseBundle(unhex(v.bundle))
        same('ID', base32(b.id), v.id)
        same('number', b.number, v.number)
        same('name', b.name, v.display_name)
      })
    }
  },
  'identity/sealing'(vectors, each) {
    for (const v of vectors) {
      each(v.name, () => {
        const key = sealingKeyOfSeed(unhex(v.seed))
        same('public key', key.public, v.public)
        if (v.refused) return refuses(() => hpkeOpen(key, unhex(v.info), unhex(v.sealed)))
        same('opened', hpkeOpen(key, unhex(v.info), unhex(v.sealed)), v.opened)
        same('sealed and opened', hpkeOpen(key, unhex(v.info), hpkeSeal(key.public, unhex(v.info), unhex(v.opened))), v.opened)
      })
    }
  },
  'identity/networks'(vectors, each) {
    for (const v of vectors) {
      each(v.name, () => {
        if (v.error) return refuses(() => parseNetworkFile(v.file))
        const n = parseNetworkFile(v.file)
        same('name', n.name, v.network_name)
        same('secret', n.secret, v.secret)
        same('PSK', n.psk, v.psk)
        for (const use of ['hello', 'beacon', 'open']) same(use, n.key(use), v[use])
      })
    }
  },
}
