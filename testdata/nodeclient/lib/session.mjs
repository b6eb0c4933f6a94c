// A session over a socket: the handshake, then frames on streams.
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { be32, concat, equal } from './bytes.mjs'
import { encode } from './canonical.mjs'
import { Initiator, maxMessage, refusal } from './handshake.mjs'
import { code, codeNames, makeBody, rowNamed } from './messages.mjs'
import { frameCost, Receiver, roles } from './receiver.mjs'
import { Opener, Sealer, SessionRefused, maxPlaintext } from './records.mjs'

const handshakeTimeout = 5000
const closeTimeout = 1000
const overhead = 32 // a fragment's array, numbers and headers take less

export const classes = { interactive: 1, live: 2, bulk: 3 }

/** The other side ended a stream or the session with a code. */
export class Ended extends Error {
  constructor(c, text) {
    super(text || codeNames[c] || `code ${c}`)
    this.code = c
  }
}

// Bytes of a socket, so many at a time.
class Source {
  constructor(socket) {
    this.socket = socket
    this.iterator = socket[Symbol.asyncIterator]()
    this.have = Buffer.alloc(0)
  }

  async read(n) {
    while (this.have.length < n) {
      const { value, done } = await this.iterator.next()
      if (done) throw new Error('the connection was cut')
      this.have = concat(this.have, value)
    }
    const out = this.have.subarray(0, n)
    this.have = this.have.subarray(n)
    return out
  }

  async message() {
    const length = (await this.read(4)).readUInt32BE(0)
    if (length < 1 || length > maxMessage) throw new Error('a message of the handshake over its bound')
    return this.read(length)
  }

  async* rest() {
    if (this.have.length > 0) yield this.have
    yield* { [Symbol.asyncIterator]: () => this.iterator }
  }
}

/** Dials a peer and returns the session of a user with it, Hello exchanged. */
export async function dial(host, port, network, me, { meant } = {}) {
  const socket = connect({ host, port, noDelay: true })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  const late = setTimeout(() => socket.destroy(new Error('the handshake timed out')), handshakeTimeout)
  const source = new Source(socket)
  const send = (m) => socket.write(concat(be32(m.length), m))
  const I = new Initiator(network, me, { meant })
  send(I.message1())
  try {
    const message2 = await source.message().catch(() => {
      throw new Error('the peer closed the connection without a word, as it does when the network or its secret is another')
    })
    send(I.message3(message2))
  } catch (err) {
    if (err.reason) send(refusal)
    socket.destroy()
    throw err
  }
  const session = new Session(socket, I.result, I.peer)
  session.run(source)
  try {
    await session.hello
  } finally {
    clearTimeout(late)
  }
  return session
}

export class Session {
  constructor(socket, secrets, peer) {
    Object.assign(this, { socket, peer })
    this.sealer = new Sealer(secrets.I)
    this.opener = new Opener(secrets.R)
    this.receiver = new Receiver({ dialled: true, role: roles.user })
    this.inboxes = new Map() // by stream
    this.turns = [] // by class: the promise of the last frame
    this.hello = new Promise((resolve, reject) => Object.assign(this, { greeted: resolve, fail: reject }))
    this.control('Hello', { role: roles.user, software: 'parley-nodeclient/1', instance: randomBytes(8), port: 0, features: [] })
  }

  async run(source) {
    try {
      for await (const bytes of source.rest()) {
        if (this.sealer.generation === 0n && this.receiver.peerRole === 0 && equal(bytes, concat(be32(refusal.length), refusal))) {
          throw new Error('the peer refused the handshake')
        }
        for (const plaintext of this.opener.open(bytes)) for (const e of this.receiver.record(plaintext)) this.event(e)
        if (this.receiver.closed) break
      }
      this.over(this.closedBy ?? new Error('the connection was cut'))
    } catch (err) {
      if (err instanceof SessionRefused) this.control('Close', { code: err.code, text: err.message })
      this.over(err)
    }
    this.socket.end()
  }

  over(err) {
    this.error = err
    this.fail(err)
    for (const inbox of this.inboxes.values()) inbox.end(err)
    this.wake()
  }

  event(e) {
    if (e.answer !== undefined) return this.control('StreamEnd', { stream: e.answer, code: e.code, text: '' })
    if (e.raise) return this.raise(e.raise, e.limit)
    if (e.skipped) return this.taken(e.skipped, e.cost)
    if (e.stream !== undefined && e.message) return this.inboxes.get(e.stream)?.push(e)
    switch (e.type) {
      case 'Hello': return this.greeted(e)
      case 'Ping': return this.control('Pong', { seq: e.seq })
      case 'Credit': return this.wake()
      case 'Close':
        this.closedBy = new Ended(e.code, e.text)
        return
      case 'StreamEnd':
        this.inboxes.get(e.stream)?.end(e.code === code.ok ? undefined : new Ended(e.code, e.text))
        return this.wake()
    }
  }

  raise(s, limit) {
    s.limit = limit
    this.control('Credit', { stream: s.number, limit })
  }

  taken(s, cost) {
    s.taken += cost
    const limit = s.taken + s.initial
    if (limit - s.limit >= s.initial / 4 && !s.ended) this.raise(s, limit)
  }

  write(plaintext) {
    if (!this.socket.writableEnded) this.socket.write(this.sealer.seal(plaintext))
  }

  control(name, message) {
    const row = rowNamed(name)
    this.write(encode([row.number, 0, makeBody(row, message)]))
  }

  // Resolves at the next event that may let a sender go on.
  change() {
    this.changed ??= new Promise((resolve) => { this.wake = () => { this.changed = undefined; resolve() } })
    return this.changed
  }

  wake() {}

  /** Opens a stream of a class. */
  open(cls) {
    const s = this.receiver.openOwn(cls)
    const inbox = new Inbox((cost) => this.taken(s, cost))
    this.inboxes.set(s.number, inbox)
    return new Stream(this, s, inbox)
  }

  /** Frames of a class go one after another. */
  send(s, name, message) {
    const cls = s.number & 3
    const turn = (this.turns[cls] ?? Promise.resolve()).then(() => this.frame(s, name, message))
    this.turns[cls] = turn.catch(() => {})
    return turn
  }

  async frame(s, name, message) {
    const row = rowNamed(name)
    const body = makeBody(row, message)
    const credit = async (n) => {
      while (s.sendLimit - s.sent < n) {
        if (this.error) throw this.error
        if (s.endSent) throw new Error('the stream has ended')
        await this.change()
      }
    }
    await credit(Math.min(frameCost + body.length, s.initial / 2))
    for (let at = 0; at < body.length;) {
      const cost = at === 0 ? frameCost : 0
      await credit(cost + 1)
      const n = Math.min(body.length - at, maxPlaintext - overhead, s.sendLimit - s.sent - cost)
      const chunk = body.subarray(at, at + n)
      if (at > 0) this.write(encode([s.number, chunk]))
      else this.write(encode(n === body.length ? [row.number, s.number, chunk] : [row.number, s.number, chunk, body.length]))
      s.sent += cost + n
      at += n
    }
  }

  end(s, c = code.ok) {
    if (s.endSent) return
    this.control('StreamEnd', { stream: s.number, code: c, text: '' })
    s.endSent = true
    if (c !== code.ok) s.givenUp = true
    this.receiver.forget(s)
  }

  async close() {
    this.control('Close', { code: code.ok, text: '' })
    await new Promise((resolve) => {
      const late = setTimeout(() => this.socket.destroy(), closeTimeout)
      this.socket.once('close', () => { clearTimeout(late); resolve() })
      this.socket.end()
    })
  }
}

class Inbox {
  constructor(taken) {
    Object.assign(this, { taken, waiting: [], done: false })
    this.arrived = () => {}
  }

  push(e) {
    this.waiting.push(e)
    this.arrived()
  }

  end(err) {
    if (this.done) return
    Object.assign(this, { done: true, error: err })
    this.arrived()
  }

  async next() {
    while (this.waiting.length === 0) {
      if (this.error) throw this.error
      if (this.done) return undefined
      await new Promise((resolve) => { this.arrived = resolve })
    }
    const { message, cost } = this.waiting.shift()
    this.taken(cost)
    return message
  }
}

export class Stream {
  constructor(session, s, inbox) {
    Object.assign(this, { session, s, inbox })
  }

  send(name, message) {
    return this.session.send(this.s, name, message)
  }

  /** The next message, which must be of one of the types named; undefined at the end of the stream. */
  async next(...types) {
    const m = await this.inbox.next()
    if (m && !types.includes(m.type)) throw new Error(`${m.type} came where ${types.join(' or ')} was due`)
    return m
  }

  end(c) {
    this.session.end(this.s, c)
  }
}
