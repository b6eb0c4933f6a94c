import { hex, unhex } from '../lib/bytes.mjs'
import { Opener, Sealer } from '../lib/records.mjs'
import { Receiver, roles } from '../lib/receiver.mjs'
import { refuses, same } from './expect.mjs'

const keysOf = (v) => ({ enc: unhex(v.Enc), mac: unhex(v.Mac), iv: unhex(v.IV), next: unhex(v.Next) })

export const families = {
  'session/wire'(vectors, each) {
    for (const v of vectors) {
      each(v.Name, () => {
        const got = []
        const run = () => {
          for (const p of new Opener(keysOf(v)).open(unhex(v.Wire))) got.push(hex(p))
        }
        // What was refused names only what was sealed before it as data.
        const want = v.Plaintexts ?? []
        if (v.Refused) {
          refuses(run)
          return same('opened before', got.filter((p) => p !== '').join(' '), want.filter((p) => p !== '').join(' '))
        }
        run()
        same('opened', got.join(' '), want.join(' '))
        const sealer = new Sealer(keysOf(v))
        const wire = want.map((p) => {
          const record = sealer.one(unhex(p))
          if (p === '') sealer.rekey()
          return hex(record)
        })
        same('sealed', wire.join(''), v.Wire)
      })
    }
  },
  // The receiver of these records is a peer that was dialled, and reads no stream.
  'session/frames'(vectors, each) {
    for (const v of vectors) {
      each(v.Name, () => {
        const r = new Receiver({ dialled: false, role: roles.peer })
        let code
        try {
          for (const record of v.Records) for (const e of r.record(unhex(record))) if (e.raise) e.raise.limit = e.limit
        } catch (err) {
          if (err.code === undefined) throw err
          code = err.code
        }
        same('code', code ?? 0, v.Code ?? 0)
      })
    }
  },
}
