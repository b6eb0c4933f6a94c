// Makes signed histories of a room: people who act on what they have seen, which
// is rarely everything, and sometimes against the rules. What the text leaves to
// their programs (whom to stop, what to name) is chance here.
import { H, concat, equal, hex, sha256, utf8, zeroID, zeros } from '../lib/bytes.mjs'
import { Authority } from '../lib/authority.mjs'
import { Refused, encode } from '../lib/canonical.mjs'
import { beginsEpoch, latest } from '../lib/counts.mjs'
import { kinds } from '../lib/entries.mjs'
import { signer } from '../lib/identity.mjs'
import { Runs } from '../lib/judge.mjs'
import { removedUsers } from '../lib/role.mjs'
import { incarnationOf, makeRun, parseRun } from '../lib/runs.mjs'

const sealing = Buffer.alloc(1216, 7)

/** Signs a tree whose last elements are signatures, by [signer, context] each. */
export function sign(tree, ...by) {
  const whole = encode([...tree.slice(0, tree.length - by.length), ...by.map(() => zeros(64))])
  let out = whole.subarray(0, whole.length - 66 * by.length)
  for (const [s, context] of by) out = concat(out, encode(s.sign(context, out)))
  return out
}

const people = ['ada', 'bob', 'cy', 'dora', 'eve', 'fay', 'gus'].map((name) => {
  const by = signer(sha256(utf8(name)))
  const bundle = (number) => sign([1, by.public, number, sealing, name, zeros(64)], [by, 'bundle'])
  return { ...by, name, bundles: [1, 2, 3].map(bundle) }
})
const person = (id) => people.find((p) => equal(p.id, id))
const links = Array.from({ length: 6 }, (_, n) => signer(sha256(utf8(`link ${n}`))))
const linkOf = (key) => links.find((l) => equal(l.public, key))
const ids = (list) => [...new Map(list.map((id) => [hex(id), id])).values()].sort(Buffer.compare)

const masters = { epoch: 3, invite: 3, add: 4, stop: 3, lift: 2, appoint: 5, demote: 3, handover: 1, revoke: 2, trim: 1, policy: 1 }
const admins = { epoch: 3, invite: 3, add: 4, stop: 5, lift: 2, revoke: 3 }

export class History {
  constructor(chance) {
    this.c = chance
    this.entries = [] // {bytes, refused}
    this.runs = []
    this.time = 1
    this.pair = chance.once(16)
    this.begin()
    for (let n = 15 + chance.below(40); n > 0; n--) this.step()
  }

  begin() {
    const [ada, bob] = people
    const [lower, upper] = [ada, bob].sort((a, b) => Buffer.compare(a.id, b.id))
    const none = [zeroID, 1, zeroID, []]
    const root = this.pair
      ? encode([1, zeroID, kinds.pair, lower.public, ...none, 0, encode([upper.public])])
      : sign([1, zeroID, kinds.genesis, ada.public, ...none, 1, encode([this.c.bytes(16), 'ops', '', 0, 0, ada.bundles[0]]), zeros(64)], [ada, 'entry'])
    this.room = H('entry', this.pair ? root : root.subarray(0, -66))
    this.authority = new Authority(this.room)
    this.add(root)
    for (const kind of this.pair ? ['epoch'] : ['epoch', 'appoint', 'appoint', 'appoint', 'invite', 'add']) {
      if (kind === 'epoch' || !this.c.once(4)) this.chained(ada, kind, this.all())
    }
  }

  add(bytes) {
    let refused = false
    try {
      this.authority.add(bytes)
    } catch (err) {
      if (!(err instanceof Refused)) throw err
      refused = true
    }
    if (this.authority.parked.length > 0) throw new Error('an entry names what is not held')
    this.entries.push({ bytes, refused })
  }

  all() {
    return new Set(this.authority.held.values())
  }

  // What somebody has seen: everything, or what a few entries have.
  view() {
    const held = [...this.all()]
    if (this.c.once(2)) return new Set(held)
    const some = Array.from({ length: 1 + this.c.below(3) }, () => held[Math.max(this.c.below(held.length), this.c.below(held.length))])
    return this.authority.closure(some.map((e) => e.id))
  }

  of(kind, view = this.all()) {
    return [...view].filter((e) => e.kind === kind)
  }

  some(list) {
    return list.filter(() => this.c.once(2))
  }

  step() {
    const view = this.view()
    if (this.c.once(3)) return this.run(view)
    if (!this.pair && this.c.once(4)) return this.beside(this.c.of(people), this.c.of(['join', 'join', 'leave', 'renew']), view)
    const [by, kind] = this.act(view)
    this.chained(by, kind, view)
  }

  // Who acts, and how: mostly one who may.
  act(view) {
    const weighed = (of) => this.c.of(Object.entries(of).flatMap(([kind, n]) => Array(n).fill(kind)))
    if (this.pair) return [this.c.of(people.slice(0, this.c.once(8) ? 3 : 2)), this.c.once(10) ? 'add' : this.c.of(['epoch', 'epoch', 'trim'])]
    const seats = [...view].flatMap((e) => (e.kind === 'appoint' ? [[e.body.subject, admins]]
      : e.kind === 'handover' || e.kind === 'genesis' ? [[e.bundle.id, masters], [e.bundle.id, masters]] : []))
    const [user, may] = this.c.of(seats)
    return [this.c.once(25) ? this.c.of(people) : person(user), weighed(may)]
  }

  // The heads of what somebody has seen, with what must be among them.
  heads(by, view, ...also) {
    const own = [...view].filter((e) => e.number > 0 || this.c.once(12) || equal(e.writer, by.id) || (e.kind === 'leave' && this.c.once(2)))
    return ids([...latest(own).map((e) => e.id), ...also]).slice(0, 64)
  }

  // Places where the writer may write, as {chain, prev, number}.
  places(by, view, ofMaster) {
    const held = [...view]
    if (this.pair) return held.filter((e) => e.number > 0).map((e) => ({ chain: zeroID, prev: e.id, number: e.number + 1 }))
    if (ofMaster) {
      const reigns = (e) => (e.kind === 'handover' ? e.bundle.id : e.reign.bundle.id)
      return held.filter((e) => e.reign && equal(reigns(e), by.id)).map((e) => ({ chain: zeroID, prev: e.id, number: e.number + 1 }))
    }
    return held.filter((a) => a.kind === 'appoint' && equal(a.body.subject, by.id)).flatMap((a) => [
      { chain: a.id, prev: zeroID, number: 1 },
      ...held.filter((e) => e.appointed === a).map((e) => ({ chain: a.id, prev: e.id, number: e.number + 1 })),
    ])
  }

  chained(by, kind, view) {
    const onMasters = kind in masters && !(kind in admins)
    const places = [true, false].flatMap((m) => (m || !onMasters ? this.places(by, view, m) : []))
    const last = Math.max(...places.map((p) => p.number))
    let place = places.length > 0 ? this.c.of(this.c.once(5) ? places : places.filter((p) => p.number === last)) : { chain: zeroID, prev: this.room, number: 2 }
    if (this.c.once(40)) place = { ...place, number: place.number + 1 }
    const made = this.body(by, kind, view)
    if (!made) return
    const before = this.authority.closure([equal(place.prev, zeroID) ? place.chain : place.prev])
    const heads = this.heads(by, new Set([...view, ...before]), equal(place.prev, zeroID) ? place.chain : place.prev)
    const signers = [[by, 'entry'], ...(kind === 'handover' ? [[made.successor, 'handover']] : [])]
    const tree = [1, this.room, kinds[kind], by.public, place.chain, place.number, place.prev, heads, this.time++, encode(made.body)]
    this.add(sign([...tree, ...signers.map(() => zeros(64))], ...signers))
  }

  beside(by, kind, view) {
    const made = this.body(by, kind, view)
    if (!made) return
    const also = kind === 'join' ? [made.invite.id] : []
    const signers = kind === 'join' ? [[by, 'join'], [this.c.once(20) ? this.c.of(links) : linkOf(made.invite.body.linkKey), 'join-link']] : [[by, 'entry']]
    const seen = kind === 'join' && this.c.once(2) ? made.invite.closure : view
    const tree = [1, this.room, kinds[kind], by.public, zeroID, 0, zeroID, this.heads(by, seen, ...also), this.time++, encode(made.body)]
    this.add(sign([...tree, ...signers.map(() => zeros(64))], ...signers))
  }

  epoch() {
    return [this.c.bytes(16), this.c.bytes(32)]
  }

  // Pins of logs; of: whose.
  pins(of) {
    const runs = this.runs.filter((r) => !of || equal(r.author, of))
    const logs = this.some([...new Set(runs.map((r) => hex(r.log)))].sort())
    return logs.map((log) => {
      const r = this.c.of(runs.filter((x) => hex(x.log) === log))
      return [r.log, this.c.once(12) ? r.last + 1n : r.last, this.c.once(16) ? this.c.bytes(32) : r.hash]
    })
  }

  body(by, kind, view) {
    const { c } = this
    const other = c.of(people.filter((p) => p !== by))
    const joins = () => ids(this.some(this.of('join', view)).map((e) => e.id))
    switch (kind) {
      case 'epoch': return { body: [...this.epoch(), this.pins()] }
      case 'invite': return { body: [c.of(links).public, sealing, 0, 0, 1 + c.below(3)] }
      case 'add': return { body: [c.of(other.bundles), 1 + c.below(3)] }
      case 'stop': {
        const role = c.of([0, 0, 0, 1, 2])
        const epoch = role === 2 ? [zeros(0), zeroID] : this.epoch()
        return { body: [other.id, role, role === 0 && c.once(3) ? 1 : 0, this.pins(c.once(8) ? undefined : other.id), joins(), ...epoch] }
      }
      case 'lift': case 'appoint': return { body: [other.id] }
      case 'demote': {
        const a = c.of(this.of('appoint', view))
        if (!a) return
        const own = [...view].filter((e) => e.appointed === a)
        return { body: [a.id, c.of([a, ...own]).id, joins(), ...this.epoch()] }
      }
      case 'policy': return { body: ['ops', '', 0, 0, 0, 0] }
      case 'handover': return { body: [c.of(other.bundles)], successor: other }
      case 'revoke': {
        const invites = ids(this.some(this.of('invite', view)).map((e) => e.id))
        const seen = joins()
        return invites.length + seen.length > 0 ? { body: [invites, seen] } : undefined
      }
      case 'trim': {
        const r = c.of(this.runs)
        return r && { body: [[[r.log, r.last, c.once(10) ? c.bytes(32) : r.hash, r.start, r.heads]]] }
      }
      case 'join': {
        const invite = c.of(this.of('invite', view))
        return invite && { body: [invite.id, invite.body.linkKey, by.bundles[0], c.bytes(16)], invite }
      }
      case 'leave': return { body: [this.pins(by.id)] }
      case 'renew': return { body: [c.of(by.bundles)] }
    }
  }

  run(view) {
    const { c } = this
    const own = this.runs.filter((r) => c.once(20) || (this.pair || c.once(6) || this.authority.role(r.author, view) !== 'none'))
    const before = own.length > 0 && !c.once(3) ? c.of(own) : undefined
    const by = before ? person(before.author) : c.of(people)
    const seen = before && !c.once(12) ? new Set([...view, ...this.authority.closure(before.heads)]) : view
    const heads = this.heads(by, seen)
    const epochs = this.authority.epochsIn(this.authority.closure(heads))
    const epoch = c.once(12) ? c.of([...view].filter(beginsEpoch)) : c.of(epochs)
    if (!epoch) return
    const salt = before ? zeros(0) : c.bytes(16)
    const incarnation = before ? before.incarnation : incarnationOf(this.room, by.id, salt, heads)
    const first = before ? before.last + (c.once(30) ? 2n : 1n) : 1n
    const messages = Array.from({ length: 1 + c.below(2) }, () => c.bytes(64))
    const place = { room: this.room, incarnation, salt, first, prev: before ? before.hash : zeroID, epoch: epoch.id }
    const r = parseRun(makeRun(by, { ...place, heads, clock: this.time++, refs: [], messages }))
    r.start = before ? before.start : heads
    this.runs.push(r)
  }

  /** What follows from it: roles, epochs and who has their keys, live invites, users removed, how each would write, and the verdicts of the runs that came. */
  tell() {
    const a = this.authority
    const runs = new Runs(a)
    const came = this.runs.filter(() => !this.c.once(12))
    for (const r of came) runs.hold(r)
    const list = (entries) => entries.map((e) => hex(e.id)).sort()
    return {
      room: hex(this.room),
      entries: this.entries.map((e) => ({ input: hex(e.bytes), refused: e.refused })),
      roles: Object.fromEntries(people.map((p) => [hex(p.id), a.role(p.id)])),
      epochs: list(a.epochs()),
      outsiders: Object.fromEntries([...a.counted()].filter(beginsEpoch).map((e) => [hex(e.id), a.outsiders(e).sort()])),
      invites: list(a.invites()),
      removed: removedUsers(a.counted(), a.root),
      writers: Object.fromEntries(people.map((p) => {
        const heads = a.headsOf(p.id)
        return [hex(p.id), { heads: heads.map(hex), epochs: list(a.epochs(heads)) }]
      })),
      runs: came.map((r) => ({ input: hex(r.bytes), verdict: runs.verdict(r) })),
    }
  }
}
