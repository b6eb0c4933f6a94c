// Records of one direction of a session: package session, "Records" and "Rekeying".
import { be32, concat, expand, fields } from './bytes.mjs'
import { Refused } from './canonical.mjs'
import { code } from './messages.mjs'
import { openRecord, sealRecord } from './seal.mjs'

export const maxSealed = 65532
export const maxPlaintext = 65487
const maxRecords = 2 ** 20
const maxBytes = 2 ** 33 // length fields counted

/** A rule of the session that the other side broke. */
export class SessionRefused extends Refused {
  constructor(message, c = code.protocol) {
    super(message)
    this.code = c
  }
}

// The place of the next record, the keys, and the bounds of a generation.
class Direction {
  constructor(keys) {
    this.keys = keys
    this.generation = 0n
    this.begin()
  }

  begin() {
    this.counter = 0
    this.bytes = 0
  }

  rekey() {
    const key = (use) => expand(this.keys.next, fields(use), 32)
    this.keys = { enc: key('enc'), mac: key('mac'), iv: key('iv'), next: key('next') }
    this.generation++
    this.begin()
  }
}

export class Sealer extends Direction {
  /** Returns the bytes of one record, and of the end of its generation when it is the last that fits. */
  seal(plaintext) {
    const out = this.one(plaintext)
    if (this.counter < maxRecords - 1 && this.bytes < maxBytes - 2 * (4 + maxSealed)) return out
    const end = this.one(Buffer.alloc(0))
    this.rekey()
    return concat(out, end)
  }

  one(plaintext) {
    const sealed = sealRecord(this.keys, this.generation, this.counter, plaintext)
    this.counter++
    this.bytes += 4 + sealed.length
    return concat(be32(sealed.length), sealed)
  }
}

export class Opener extends Direction {
  constructor(keys) {
    super(keys)
    this.have = Buffer.alloc(0)
  }

  /** Takes bytes of the connection and yields the plaintexts of the records that are whole, "" for a rekeying. */
  * open(bytes) {
    this.have = concat(this.have, bytes)
    while (this.have.length >= 4) {
      const length = this.have.readUInt32BE(0)
      if (length > maxSealed) throw new SessionRefused('a record over the bound', code.tooLarge)
      if (length < 48 || length % 16 !== 0) throw new SessionRefused('a record of a wrong length')
      if (this.have.length < 4 + length) return
      if (this.counter >= maxRecords || this.bytes + 4 + length > maxBytes) throw new SessionRefused('too much under one key')
      let plaintext
      try {
        plaintext = openRecord(this.keys, this.generation, this.counter, this.have.subarray(4, 4 + length))
      } catch {
        throw new SessionRefused('a record that does not verify')
      }
      this.have = this.have.subarray(4 + length)
      this.counter++
      this.bytes += 4 + length
      if (plaintext.length === 0) {
        if (this.counter === 1) throw new SessionRefused('a generation of nothing')
        this.rekey()
      }
      yield plaintext
    }
  }
}
