import { be64, sha256, utf8 } from '../lib/bytes.mjs'

/** Numbers that a seed fixes. */
export class Chance {
  constructor(seed) {
    this.seed = sha256(utf8(seed))
    this.n = 0
  }

  /** n bytes. */
  bytes(n) {
    const parts = []
    for (let have = 0; have < n; have += 32) parts.push(sha256(this.seed, be64(this.n++)))
    return Buffer.concat(parts).subarray(0, n)
  }

  /** A number below n. */
  below(n) {
    return this.bytes(6).readUIntBE(0, 6) % n
  }

  of(list) {
    return list[this.below(list.length)]
  }

  /** True once in n. */
  once(n) {
    return this.below(n) === 0
  }
}
