import { hex } from '../lib/bytes.mjs'
import { Refused } from '../lib/canonical.mjs'

/** Fails unless both are the same; byte strings are given as such or in hex. */
export function same(what, got, want) {
  const g = got instanceof Uint8Array ? hex(got) : String(got)
  const w = want instanceof Uint8Array ? hex(want) : String(want ?? '')
  if (g !== w) throw new Error(`${what} is ${cut(g)}, want ${cut(w)}`)
}

/** Fails unless run refuses its input; another error than Refused is one of this implementation. */
export function refuses(run, { because } = {}) {
  try {
    run()
  } catch (err) {
    if (!(err instanceof Refused)) throw err
    if (because !== undefined && err.reason !== because) throw new Error(`refused for ${err.reason} (${err.message}), want ${because}`)
    return
  }
  throw new Error('accepted, but is to be refused')
}

const cut = (s) => (s.length <= 80 ? s : `${s.slice(0, 80)}… (${s.length} characters)`)
