// A user of a peer: joins a room by its link, reads it and writes to it.
// Package rooms, "Users".
import { randomBytes } from 'node:crypto'
import { Authority } from './authority.mjs'
import { equal, hex, zeroID, zeros } from './bytes.mjs'
import { makeJoin, roleNames } from './entries.mjs'
import { Runs } from './judge.mjs'
import { makeBox, makeDelegation, openBox, parseBox } from './links.mjs'
import { code } from './messages.mjs'
import { incarnationOf, logOf, makeRun, maxMessages, messageID, openMessageAt, parseRun, sealMessageAt } from './runs.mjs'
import { holdsKey, mayWrite } from './role.mjs'
import { classes } from './session.mjs'

const none = zeros(0)

// How long a box is waited for that may never come, in ms: a member can seal it later.
const patience = 5000

export class Room {
  /** me: {signer, sealing, bundle}. */
  constructor(session, me, link) {
    Object.assign(this, { session, me, link, room: link.room })
    this.authority = new Authority(link.room)
    this.runs = new Runs(this.authority)
    this.keys = new Map() // epochs' keys by the ID of their entry in hex
    this.boxes = [] // of epochs whose entries are not held yet
    this.joinEntry = none
  }

  /** One request on a stream of its own, and its one answer. */
  async ask(name, message, ...answers) {
    const stream = this.session.open(classes.interactive)
    await stream.send(name, message)
    stream.end()
    const answer = await stream.next(...answers)
    if (!answer) throw new Error(`the peer did not answer ${name}`)
    return answer
  }

  submit(of) {
    return this.ask('Submit', { room: this.room, delegation: none, join: none, addresses: [], entries: [], boxes: [], ...of }, 'Done')
  }

  delegate(by, kind) {
    return makeDelegation(by, kind, this.room, this.session.peer.id, BigInt(Date.now()))
  }

  /** Follows the entries and the boxes of a recipient until they are enough, or for no longer than patience in ms. */
  async authorityUntil(recipient, enough, patience) {
    const late = patience === undefined ? [] : [new Promise((resolve) => { setTimeout(resolve, patience, 'late') })]
    const stream = this.session.open(classes.interactive)
    await stream.send('AuthorityGet', { room: this.room, known: none, recipient, follow: true })
    for (;;) {
      const m = await Promise.race([stream.next('Authority'), ...late])
      if (m === 'late') break
      if (!m) throw new Error('the peer says no more about the room')
      for (const e of m.entries) this.authority.add(e)
      this.boxes.push(...m.boxes.map(parseBox))
      this.boxes = this.boxes.filter((b) => !this.open(b))
      if (m.more) continue
      if (this.authority.parked.length === 0 && !equal(m.digest, this.authority.digest())) throw new Error('the peer holds other entries than it gave')
      if (enough()) break
    }
    stream.end(code.shutdown)
  }

  // Takes the key out of a box; false while its epoch is not held.
  open(box) {
    const epoch = this.authority.get(box.epoch)
    if (!epoch) return false
    const sealing = equal(box.recipient, this.link.recipient) ? this.link.sealing : this.me.sealing
    try {
      this.keys.set(hex(epoch.id), openBox(box, epoch, sealing))
    } catch (err) {
      console.error(`a box does not open: ${err.message}`) // another box may hold the key
    }
    return true
  }

  role() {
    return this.authority.role(this.me.signer.id)
  }

  /** Joins by the link: first under the link's right, then under the member's own. */
  async join() {
    const { signer } = this.me
    await this.enter()
    const entries = []
    if (this.role() === 'none') {
      if (this.authority.removed(signer.id)) throw new Error('you were removed from this room: ask an admin to add you again')
      entries.push(this.newJoin())
    }
    await this.submit({ delegation: this.delegate(signer, 0), join: this.joinEntry, entries, boxes: this.ownBoxes() })
    return { name: this.authority.name(), role: this.role() }
  }

  // Gets the room's entries and keys by the link or, when that ended, as the member whom it admitted.
  async enter() {
    const { signer } = this.me
    try {
      await this.submit({ delegation: this.delegate(this.link.signer, 1), addresses: this.link.addresses })
    } catch (byLink) {
      if (byLink.code !== code.refused) throw byLink
      await this.submit({ delegation: this.delegate(signer, 0) }).catch((asMember) => {
        throw new Error(`neither the link nor this user has a right in the room (${byLink.message}; ${asMember.message})`)
      })
      return this.authorityUntil(signer.id, () => this.authority.root && this.keyed(this.role()), patience)
    }
    const invite = () => this.authority.invite(this.link.signer.public)
    await this.authorityUntil(this.link.recipient, () => invite() && this.keyed(roleNames[invite().body.role]))
  }

  // Whether a role has the keys of the epochs in which it would write or read.
  keyed(role) {
    return !holdsKey(role) || this.authority.epochs().every((e) => this.keys.has(hex(e.id)))
  }

  newJoin() {
    const { signer, bundle } = this.me
    const invite = this.authority.invite(this.link.signer.public)
    this.joinEntry = makeJoin(signer, bundle, this.link, invite, this.authority.headsOf(signer.id, invite))
    this.authority.add(this.joinEntry)
    return this.joinEntry
  }

  // The keys that the link's boxes gave, sealed to this user: it needs the link no more.
  ownBoxes() {
    const { signer, sealing } = this.me
    return [...this.keys].map(([id, k]) => makeBox(signer, this.authority.held.get(id), k, signer.id, sealing.public))
  }

  /** Yields {author, seq, id, text} of the messages in the order of arrival; follow: without end. */
  async* messages(follow) {
    const stream = this.session.open(classes.bulk)
    await stream.send('Tail', { room: this.room, instance: none, after: 0, last: 0, follow })
    for (;;) {
      const m = await stream.next('TailRuns', 'TailMark')
      if (!m) return
      for (const item of m.items ?? []) yield* this.read(parseRun(item.run))
    }
  }

  async* read(run) {
    const held = () => run.heads.every((h) => this.authority.get(h))
    const keyed = () => this.keys.has(hex(run.epoch))
    if (!held()) await this.authorityUntil(this.me.signer.id, held)
    if (!keyed()) await this.authorityUntil(this.me.signer.id, keyed, patience)
    const verdict = this.runs.add(run)
    if (verdict !== 'valid') throw new Error(`the peer gave a run that is ${verdict}`)
    const k = this.keys.get(hex(run.epoch))
    if (!k) {
      console.error(`${run.messages.length} messages of an epoch whose key this user was not given`)
      return
    }
    for (const [i, sealed] of run.messages.entries()) {
      const number = BigInt(run.first) + BigInt(i)
      const m = openMessageAt(k, { ...run, number }, sealed)
      if (m.kind === 0) yield { id: messageID(run.hash, i), author: run.author, seq: number, text: m.data.toString('utf8') }
    }
  }

  /** Writes texts as one run of a log of their own, and returns when the peer has them on its disk. */
  async send(texts) {
    if (!mayWrite(this.role())) throw new Error(`a ${this.role()} does not write`)
    if (texts.length > maxMessages) throw new Error(`at most ${maxMessages} messages at once`)
    const w = await this.ask('WriterGet', { room: this.room, log: zeroID, known: none }, 'Writer')
    const { signer } = this.me
    const heads = this.authority.headsOf(signer.id)
    const epoch = this.authority.epochs(heads).find((e) => this.keys.has(hex(e.id)) && this.authority.outsiders(e).length === 0)
    if (!epoch) throw new Error("the room's key is not here, or somebody has it who left: an admin's program must change it first")
    const salt = randomBytes(16)
    const incarnation = incarnationOf(this.room, signer.id, salt, heads)
    const place = { room: this.room, epoch: epoch.id, author: signer.id, incarnation, prev: zeroID }
    const messages = texts.map((t, i) => sealMessageAt(this.keys.get(hex(epoch.id)), { ...place, number: i + 1 }, { data: Buffer.from(t) }))
    const now = BigInt(Date.now()) << 16n
    const clock = now > BigInt(w.clock) ? now : BigInt(w.clock) + 1n
    const refs = w.refs.map((r) => [r.log, r.number])
    const run = makeRun(signer, { ...place, salt, first: 1, heads, clock, refs, messages })
    const a = await this.ask('Append', { room: this.room, runs: [run] }, 'Appended', 'AppendRefused')
    if (a.type === 'AppendRefused') throw new Error(`the peer did not take the messages: ${a.text}`)
    if (!equal(a.log, logOf(this.room, signer.id, incarnation)) || !equal(a.link, parseRun(run).hash)) throw new Error('the peer took something else')
    return texts.length
  }
}
