import { unhex } from '../lib/bytes.mjs'
import { encode } from '../lib/canonical.mjs'
import { parseBody, rowOf } from '../lib/messages.mjs'
import { refuses, same } from './expect.mjs'

// Structures come as objects: back to the arrays that they were.
const values = (v) => {
  if (v instanceof Uint8Array || typeof v !== 'object') return v
  return (Array.isArray(v) ? v : Object.values(v)).map(values)
}

export const families = {
  'frames/bodies'(vectors, each) {
    for (const v of vectors) {
      const row = rowOf(v.type)
      each(v.name, () => {
        if (v.error === 'unknown') return same('whether there is a row', row === undefined, true)
        if (v.error) return refuses(() => parseBody(row, unhex(v.body)))
        const { type, ...message } = parseBody(row, unhex(v.body))
        same('type', type, v.name.split('-')[0])
        same('encoded again', encode(values(message)), v.body)
      })
    }
  },
}
