// What a side of a session accepts: package session, "Frames" to "Credit". It
// takes plaintexts of records and yields what they say; it sends nothing.
import { concat } from './bytes.mjs'
import { Refused, decodeMany, shape } from './canonical.mjs'
import { code, firstOptional, firstStreamType, maxFrame, maxSoftware, maxText, parseBody, rowOf } from './messages.mjs'
import { SessionRefused } from './records.mjs'

export const frameCost = 64
const maxStreams = 128
export const initialLimit = [0, 256 << 10, 256 << 10, 1 << 20] // by class
export const roles = { peer: 1, user: 2 }

const fragments = {
  2: shape.tuple(shape.uint(2 ** 32 - 1), shape.bin(1, maxFrame)),
  3: shape.tuple(shape.uint(65535), shape.uint(2 ** 32 - 1), shape.bin(1, Infinity)),
  4: shape.tuple(shape.uint(65535), shape.uint(2 ** 32 - 1), shape.bin(1, Infinity), shape.uint()),
}

const classOf = (stream) => stream & 3
const openerOf = (stream) => (stream >> 2) & 1
const indexOf = (stream) => stream >>> 3

export class Receiver {
  /** dialled: whether this side did; role: what this side is. */
  constructor({ dialled, role }) {
    Object.assign(this, { dialled, role })
    this.peerRole = 0
    this.closed = false
    this.streams = new Map() // those that are not over
    this.next = [0, 0, 0, 0, 0, 0, 0, 0] // index of the next stream by opener·4 + class
    this.unfinished = [] // by class
  }

  /** Yields {type, …} of stream 0, {stream, message} of others, and {answer: {stream, code}} where an end must be answered. */
  * record(plaintext) {
    try {
      for (const fragment of decodeMany(plaintext)) {
        if (this.closed) throw new SessionRefused('a frame behind Close')
        const parts = fragments[fragment.length]
        if (!Array.isArray(fragment) || !parts) throw new SessionRefused('no fragment')
        yield* fragment.length === 2 ? this.later(...parts(fragment)) : this.first(...parts(fragment))
      }
    } catch (err) {
      throw err instanceof SessionRefused || !(err instanceof Refused) ? err : new SessionRefused(err.message)
    }
  }

  * first(type, stream, chunk, total) {
    const row = rowOf(type)
    if (!row && type < firstOptional) throw new SessionRefused(`unknown type ${type}`)
    if (!this.legal(row)) throw new SessionRefused(`${row?.name ?? type} is not legal here`)
    if (row && (type < firstStreamType) !== (stream === 0)) throw new SessionRefused(`${row.name} on a stream where it may not be`)
    if (total !== undefined && total <= chunk.length) throw new SessionRefused('a first part that is the whole')
    if ((total ?? chunk.length) > (row?.bound ?? maxFrame)) throw new SessionRefused('over the bound of its type', code.tooLarge)
    if (stream === 0) {
      if (total !== undefined) throw new SessionRefused('a frame of stream 0 in parts')
      if (row) yield* this.control(parseBody(row, chunk))
      return
    }
    const s = this.streamFor(stream)
    const cls = classOf(stream)
    if (this.unfinished[cls]) throw new SessionRefused('a frame inside another of its class')
    this.credit(s, frameCost + chunk.length)
    if (total === undefined) {
      yield* this.frame(s, row, chunk)
      return
    }
    this.unfinished[cls] = { s, row, chunks: [chunk], left: Number(total) - chunk.length }
    // The frame can be finished, whatever the reader of the stream does.
    const needed = s.received + Number(total) - chunk.length
    if (needed > s.limit) yield { raise: s, limit: needed }
  }

  * later(stream, chunk) {
    const f = this.unfinished[classOf(stream)]
    if (stream === 0 || !f || f.s.number !== stream) throw new SessionRefused('a later part of no frame')
    if (chunk.length > f.left) throw new SessionRefused('more than the frame has')
    this.credit(f.s, chunk.length)
    f.chunks.push(chunk)
    f.left -= chunk.length
    if (f.left > 0) return
    this.unfinished[classOf(stream)] = undefined
    yield* this.frame(f.s, f.row, concat(...f.chunks))
  }

  * frame(s, row, body) {
    if (!row || s.givenUp) return yield { skipped: s, cost: frameCost + body.length }
    yield { stream: s.number, cost: frameCost + body.length, message: parseBody(row, body) }
  }

  // May the type be received in this phase and direction?
  legal(row) {
    if (this.peerRole === 0) return row !== undefined && row.where.includes('hello')
    if (!row || row.where.includes('session')) return true
    return row.where === {
      [`${roles.user}${roles.peer}`]: 'toPeer', [`${roles.peer}${roles.user}`]: 'toUser', [`${roles.peer}${roles.peer}`]: 'peers',
    }[`${this.peerRole}${this.role}`]
  }

  * control(m) {
    if (m.text !== undefined && Buffer.byteLength(m.text) > maxText) throw new SessionRefused('a text over its bound', code.tooLarge)
    switch (m.type) {
      case 'Hello':
        if (m.role !== roles.peer && m.role !== roles.user) throw new SessionRefused('a Hello of no role')
        if (Buffer.byteLength(m.software) > maxSoftware) throw new SessionRefused('a name of software over its bound')
        if (m.role === roles.user && this.role === roles.user) throw new SessionRefused('a session of two users')
        this.peerRole = m.role
        break
      case 'Close':
        this.closed = true
        break
      case 'Credit': {
        const s = this.known(m.stream)
        if (s && m.limit > s.sendLimit) s.sendLimit = Number(m.limit)
        break
      }
      case 'StreamEnd':
        yield* this.end(m)
    }
    yield m
  }

  * end(m) {
    const s = this.known(m.stream)
    if (!s) return
    if (s.ended && m.code === code.ok) throw new SessionRefused('a second end')
    const f = this.unfinished[classOf(m.stream)]
    if (f?.s === s) {
      if (m.code === code.ok) throw new SessionRefused('an end inside a frame')
      this.unfinished[classOf(m.stream)] = undefined
    }
    s.ended = true
    if (m.code !== code.ok && !s.endSent) yield { answer: m.stream, code: m.code }
    if (m.code !== code.ok) s.endSent = true
    this.forget(s)
  }

  /** A stream is over, and forgotten, when an end was sent and an end was received. */
  forget(s) {
    if (s.ended && s.endSent) this.streams.delete(s.number)
  }

  // The stream of a number that was opened; undefined if it is over.
  known(number) {
    const cls = classOf(number)
    if (cls === 0 || indexOf(number) >= this.next[number & 7]) throw new SessionRefused('a stream that was never opened')
    return this.streams.get(number)
  }

  streamFor(number) {
    const open = this.streams.get(number)
    if (open) {
      if (open.ended) throw new SessionRefused('a frame behind the end of its stream')
      return open
    }
    const own = openerOf(number) === (this.dialled ? 0 : 1)
    if (classOf(number) === 0 || own || indexOf(number) !== this.next[number & 7]) throw new SessionRefused('a frame on no stream')
    return this.open(number)
  }

  /** Opens the next stream of a class for this side. */
  openOwn(cls) {
    const side = (this.dialled ? 0 : 4) + cls
    return this.open(this.next[side] * 8 + side)
  }

  open(number) {
    let count = 0
    for (const s of this.streams.values()) if (openerOf(s.number) === openerOf(number)) count++
    if (count >= maxStreams) throw new SessionRefused('too many streams')
    const limit = initialLimit[classOf(number)]
    const s = { number, initial: limit, received: 0, taken: 0, limit, sent: 0, sendLimit: limit, ended: false, endSent: false, givenUp: false }
    this.next[number & 7]++
    this.streams.set(number, s)
    return s
  }

  credit(s, n) {
    s.received += n
    if (s.received > s.limit) throw new SessionRefused('more than the credit')
  }
}
