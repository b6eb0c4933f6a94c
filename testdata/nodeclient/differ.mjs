// Makes records at the edge of the rules, signed as their form asks, and says of
// each whether this implementation accepts it:
//
//	node differ.mjs SEED COUNT
//
// prints COUNT lines of JSON for each family: {family, input, accepted, id}. The
// other implementation decides the same inputs (cmd/internal/interop); where the
// two disagree, the text or one of them is wrong. The same seed makes the same
// inputs.
import { hex } from './lib/bytes.mjs'
import { Refused } from './lib/canonical.mjs'
import { Chance } from './differ/chance.mjs'
import { families } from './differ/families.mjs'

const [seed, count] = process.argv.slice(2)
if (count === undefined) {
  console.error('usage: node differ.mjs SEED COUNT')
  process.exit(2)
}
for (const [family, { make, decide }] of Object.entries(families)) {
  const chance = new Chance(`${seed} ${family}`)
  for (let i = 0; i < Number(count); i++) {
    const input = make(chance)
    const line = { family, input: typeof input === 'string' ? input : hex(input), accepted: false, id: '' }
    try {
      line.id = decide(input)
      line.accepted = true
    } catch (err) {
      if (!(err instanceof Refused)) throw new Error(`${family}: ${line.input}: ${err.stack}`)
    }
    console.log(JSON.stringify(line))
  }
}
