// The entries of a room together, and what they decide: package rooms, "Which
// entries are refused" to "Validity of runs", for rooms of one master without
// admins, stops, policies and trims. The text lets an implementation hold nothing
// of a kind that it does not know, and here nothing of a room with such an
// entry is judged, rather than judged wrong.
import { H, equal, hex, isZero } from './bytes.mjs'
import { Refused } from './canonical.mjs'
import { parseEntry, roleNames } from './entries.mjs'
import { must } from './signed.mjs'

const known = ['genesis', 'epoch', 'invite', 'join', 'leave']

/** An entry of a kind whose rules are not here. */
export class NotImplemented extends Error {}

export class Authority {
  constructor(room) {
    this.room = room
    this.held = new Map() // entry by ID in hex, with its closure as a set of such
    this.parked = []
  }

  get(id) {
    return this.held.get(hex(id))
  }

  /** Holds an entry, or parks it until what it names is held. Throws where it is refused. */
  add(bytes) {
    this.place(parseEntry(bytes))
    for (let again = true; again;) {
      again = false
      for (const e of this.parked.splice(0)) {
        try {
          again = this.place(e) || again
        } catch (err) {
          if (!(err instanceof Refused)) throw err
        }
      }
    }
  }

  place(e) {
    if (this.get(e.id)) return false
    must(equal(e.room, this.room), 'belongs to another room')
    if (!known.includes(e.kind)) throw new NotImplemented(`the room has an entry of kind ${e.kind}, whose rules are not implemented here`)
    const names = [...e.heads, e.prev, e.chain].filter((id) => !isZero(id))
    if (!names.every((id) => this.get(id))) {
      this.parked.push(e)
      return false
    }
    e.closure = new Set([hex(e.id)])
    for (const id of names) for (const c of this.get(id).closure) e.closure.add(c)
    this.check(e)
    this.held.set(hex(e.id), e)
    if (e.kind === 'genesis') this.genesis = e
    return true
  }

  check(e) {
    if (e.kind === 'epoch' || e.kind === 'invite') {
      must(isZero(e.chain), 'a chain that nobody was appointed to')
      const before = this.get(e.prev)
      must(['genesis', 'epoch', 'invite'].includes(before.kind), 'follows no entry of its chain')
      must(BigInt(before.number) + 1n === BigInt(e.number), 'its number does not follow')
      must(equal(e.writer, this.genesis.writer), 'its writer does not hold the chain')
    } else if (e.kind === 'join') {
      const invite = this.get(e.body.invite)
      must(invite.kind === 'invite' && equal(invite.body.linkKey, e.body.linkKey), "not signed by an invite's link")
    } else if (e.kind === 'leave') {
      const before = new Set(e.closure)
      before.delete(hex(e.id))
      const role = this.role(e.writer, before)
      must(role !== 'none' && role !== 'master', 'whoever leaves must be a member, and not the master')
    }
  }

  // Every entry that is held here counts: those on the master's chain are the
  // master's, and a join's invite is one of these.
  all() {
    return new Set(this.held.keys())
  }

  closure(heads) {
    const c = new Set()
    for (const h of heads) for (const id of this.get(h).closure) c.add(id)
    return c
  }

  * of(kind, writer, within) {
    for (const id of within) {
      const e = this.held.get(id)
      if (e && e.kind === kind && (!writer || equal(e.writer, writer))) yield e
    }
  }

  /** The name of a user's role by a set of entries. */
  role(user, within = this.all()) {
    if (!this.genesis) return 'none'
    if (equal(user, this.genesis.writer)) return 'master'
    const leaves = [...this.of('leave', user, within)]
    const joins = [...this.of('join', user, within)].filter((j) => !leaves.some((l) => l.closure.has(hex(j.id))))
    const latest = maximal(joins)
    return roleNames[latest.length === 0 ? 0 : Math.min(...latest.map((j) => this.get(j.body.invite).body.role))]
  }

  /** The causally maximal epochs of a set of entries. */
  epochs(within = this.all()) {
    return maximal([...this.of('epoch', undefined, within)])
  }

  /** The heads of whoever writes: chained entries and its own joins and leaves, as far as none has seen them, and the one given. */
  headsOf(writer, also) {
    const seen = maximal([...this.held.values()].filter((e) => e.number > 0 || equal(e.writer, writer)))
    if (also && !seen.includes(also)) seen.push(also)
    return seen.map((e) => e.id).sort(Buffer.compare)
  }

  /** Names the set of entries held to the user's peer. */
  digest() {
    return H('entries', [...this.held.values()].map((e) => e.id).sort(Buffer.compare)).subarray(0, 16)
  }

  invite(linkKey) {
    return [...this.of('invite', undefined, this.all())].find((e) => equal(e.body.linkKey, linkKey))
  }
}

function maximal(entries) {
  return entries.filter((e) => !entries.some((o) => o !== e && o.closure.has(hex(e.id))))
}

/** The runs of a room, as judged by its authority. */
export class Runs {
  constructor(authority) {
    this.authority = authority
    this.held = new Map() // {run, verdict, start} by hash in hex
  }

  /** Judges a run behind what is held and keeps it; returns valid, void, pending or reject. */
  add(run) {
    const before = this.held.get(hex(run.prev))
    const start = before ? before.start : run
    const verdict = this.judge(run, before, start)
    if (verdict === 'valid' || verdict === 'void') this.held.set(hex(run.hash), { run, verdict, start })
    return verdict
  }

  judge(run, before, start) {
    const a = this.authority
    if (!equal(run.room, a.room) || isZero(run.epoch)) return 'reject'
    if (before && before.run.last + 1n !== BigInt(run.first)) return 'reject'
    if (before?.verdict === 'void') return 'void'
    if ((!before && !isZero(run.prev)) || !run.heads.every((h) => a.get(h))) return 'pending'
    const seen = a.closure(run.heads)
    if (before && !before.run.heads.every((h) => seen.has(hex(h)))) return 'void'
    if (!['member', 'master'].includes(a.role(run.author, seen))) return 'void'
    if (!a.epochs(seen).some((e) => equal(e.id, run.epoch))) return 'void'
    const atStart = a.closure(start.heads)
    for (const leave of a.of('leave', run.author, a.all())) {
      if (atStart.has(hex(leave.id))) continue
      const pin = leave.body.pins.find(([log]) => equal(log, run.log))
      if (!pin) return 'void'
      const [, number, link] = pin
      if (BigInt(number) < run.last || (BigInt(number) === run.last && !equal(link, run.hash))) return 'void'
    }
    return 'valid'
  }
}

