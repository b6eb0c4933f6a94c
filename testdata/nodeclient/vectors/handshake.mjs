import { readFileSync } from 'node:fs'
import { base32, hex, unbase32, unhex } from '../lib/bytes.mjs'
import { decode } from '../lib/canonical.mjs'
import { Initiator, Responder } from '../lib/handshake.mjs'
import { network, parseBundle, signer } from '../lib/identity.mjs'
import { refuses, same } from './expect.mjs'

// A key file of the vectors is open: ["parley key 1", algorithm, seed, sealing, number, name].
const person = (p) => ({ signer: signer(decode(unhex(p.key_file))[2]), bundle: unhex(p.bundle) })

// Both sides of a vector's handshake, before message 1.
function sides(v) {
  const net = network(v.network_name, unhex(v.network_secret))
  const token = v.token_id ? { id: unhex(v.token_id), key: unhex(v.token_key) } : undefined
  const I = new Initiator(net, person(v.initiator), {
    token, own: { x25519: unhex(v.x25519_private_i), kem: unhex(v.mlkem_seed_i), random: unhex(v.random_i) },
  })
  const R = new Responder(net, person(v.responder), {
    own: { x25519: unhex(v.x25519_private_r), encapsulation: unhex(v.mlkem_random_r), random: unhex(v.random_r) },
    tokens: (id) => (token && hex(id) === hex(token.id)
      ? { key: token.key, user: unbase32(v.initiator.id), bundle: parseBundle(unhex(v.initiator.bundle)) } : undefined),
  })
  return { I, R }
}

export const families = {
  'handshake/complete'(vectors, each) {
    for (const v of vectors) {
      each(v.name, () => {
        const { I, R } = sides(v)
        const m1 = I.message1()
        same('message 1', m1, v.message_1)
        const m2 = R.message2(m1)
        same('message 2', m2, v.message_2)
        const m3 = I.message3(m2)
        same('message 3', m3, v.message_3)
        R.finish(m3)
        for (const s of [I, R]) {
          same('th1', s.th1, v.th1)
          same('th2', s.th2, v.th2)
          same('th3', s.th3, v.th3)
          same('es', s.es, v.es)
          for (const k of ['enc', 'mac', 'iv', 'fin']) {
            same(`${k}_R`, s.keys.R[k], v.keys_r[k])
            same(`${k}_I`, s.keys.I[k], v.keys_i[k])
          }
          same('proof R', s.proofR, v.proof_r)
          same('proof I', s.proofI, v.proof_i)
          same('th4', s.result.th4, v.th4)
          same('ms', s.result.ms, v.ms)
          for (const k of ['enc', 'mac', 'iv', 'next']) {
            same(`${k} of I`, s.result.I[k], v.traffic_i[k])
            same(`${k} of R`, s.result.R[k], v.traffic_r[k])
          }
          same('exporter', s.result.exporter, v.exporter)
        }
        same('who I found', base32(I.peer.id), v.responder.id)
        same('who R found', base32(R.peer.id), v.initiator.id)
      })
    }
  },
  'handshake/refused'(vectors, each) {
    const complete = JSON.parse(readFileSync(new URL('../../handshake/complete.json', import.meta.url), 'utf8'))
    for (const v of vectors) {
      each(v.name, () => {
        const { I, R } = sides(complete.find((c) => c.name === v.of))
        const m1 = I.message1()
        const bytes = unhex(v.bytes)
        const because = v.error
        if (v.message === 1) return refuses(() => R.message2(bytes), { because })
        const m2 = R.message2(m1)
        if (v.message === 2) return refuses(() => I.message3(bytes), { because })
        I.message3(m2)
        refuses(() => R.finish(bytes), { because })
      })
    }
  },
}
