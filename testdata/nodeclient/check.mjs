// Checks this implementation against the vectors of testdata/, family by family:
//
//	node check.mjs [FAMILY…]
//
// It prints a line for each family and exits 1 if any vector is decided otherwise.
import { readFileSync } from 'node:fs'
import { families } from './vectors/families.mjs'

const wanted = process.argv.slice(2)
for (const name of wanted) {
  if (!families[name]) {
    console.error(`no family ${name}; there are: ${Object.keys(families).join(' ')}`)
    process.exit(2)
  }
}

// JSON.parse would round the vectors' numbers of more than 53 bits: they become texts.
function load(file) {
  const text = readFileSync(new URL(`../${file}.json`, import.meta.url), 'utf8')
  return JSON.parse(text.replace(/(:\s*)(\d{16,})(?=\s*[,}\n])/g, '$1"$2"'))
}

let failed = 0
let all = 0
for (const [name, check] of Object.entries(families)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  let good = 0
  let bad = 0
  await check(load(name), (vector, claim) => {
    try {
      claim()
      good++
    } catch (err) {
      bad++
      console.error(`${name}: ${vector}: ${err.message}`)
    }
  })
  if (good + bad === 0) {
    bad++
    console.error(`${name}: no vectors`)
  }
  all += good + bad
  failed += bad
  console.log(`${bad === 0 ? 'ok  ' : 'FAIL'} ${name}: ${good} of ${good + bad}`)
}
console.log(failed === 0 ? `ok   all ${all} vectors` : `FAIL ${failed} of ${all} vectors`)
process.exit(failed === 0 ? 0 : 1)
