import { unhex } from '../lib/bytes.mjs'
import { makeBeacon, parseBeacon } from '../lib/beacon.mjs'
import { refuses, same } from './expect.mjs'

export const families = {
  'beacons/beacons'(vectors, each) {
    for (const v of vectors) {
      each(v.name, () => {
        const read = () => parseBeacon(unhex(v.key), unhex(v.datagram))
        if (v.error) return refuses(read, { because: v.error })
        const b = read()
        same('kind', b.kind, v.kind)
        same('port', b.port, v.port ?? 0)
        same('instance', b.instance, v.instance)
        same('salt', b.salt, v.salt)
        same('counter', b.counter, v.counter)
        same('datagram', makeBeacon(unhex(v.key), b), v.datagram)
      })
    }
  },
}
