// Makes histories of rooms and says what follows from each by this implementation:
//
//	node histories.mjs SEED COUNT
//
// prints COUNT lines of JSON, which the other implementation decides too
// (cmd/internal/interop). The same seed makes the same histories.
import { Chance } from './differ/chance.mjs'
import { History } from './differ/histories.mjs'

const [seed, count] = process.argv.slice(2)
if (count === undefined) {
  console.error('usage: node histories.mjs SEED COUNT')
  process.exit(2)
}
for (let i = 0; i < Number(count); i++) console.log(JSON.stringify(new History(new Chance(`${seed} history ${i}`)).tell()))
