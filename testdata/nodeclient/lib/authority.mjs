// The entries of a room together: package rooms, "Which entries are refused" and
// what is asked of those that count.
import { H, equal, hex, isZero, sha256, zeroID } from './bytes.mjs'
import { Refused } from './canonical.mjs'
import { beginsEpoch, counting, latest, masters, revokers } from './counts.mjs'
import { parseEntry } from './entries.mjs'
import { holdsKey, removedUsers, roleBy } from './role.mjs'
import { must } from './signed.mjs'

const ofTwo = ['pair', 'epoch', 'trim', 'renew']
const chained = (e) => e.number > 0

export class Authority {
  constructor(room) {
    this.room = room
    this.held = new Map() // entry by ID in hex, with its closure as a set of entries
    this.parked = []
    this.version = 0 // grows with the entries held
  }

  get(id) {
    return this.held.get(hex(id))
  }

  has(id) {
    return this.held.has(hex(id))
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
    if (this.has(e.id)) return false
    must(equal(e.room, this.room), 'belongs to another room')
    const { body } = e
    const names = [...e.heads, e.prev, e.chain, body.invite, body.appointment, body.cut, ...(body.invites ?? []), ...(body.joins ?? [])]
      .filter((id) => id && !isZero(id))
    if (!names.every((id) => this.has(id))) {
      this.parked.push(e)
      return false
    }
    e.closure = new Set([e])
    for (const id of names) for (const c of this.get(id).closure) e.closure.add(c)
    this.check(e)
    this.held.set(hex(e.id), e)
    this.version++
    if (e.reign === e) this.root = e
    return true
  }

  check(e) {
    if (e.kind === 'genesis' || e.kind === 'pair') {
      e.reign = e
      return
    }
    must(this.root.kind !== 'pair' || ofTwo.includes(e.kind), 'a room of two has no members to manage')
    if (chained(e)) this.checkChain(e)
    const { body } = e
    for (const id of body.joins ?? []) must(this.get(id).kind === 'join', 'lists as a join what is none')
    for (const id of body.invites ?? []) must(this.get(id).kind === 'invite', 'lists as an invite what is none')
    switch (e.kind) {
      case 'demote':
        e.appointment = this.get(body.appointment)
        e.cut = this.get(body.cut)
        must(e.appointment.kind === 'appoint', 'demotes from what is no appointment')
        must(e.cut === e.appointment || e.cut.appointed === e.appointment, 'cuts at what is not of the chain')
        break
      case 'join':
        e.invite = this.get(body.invite)
        must(e.invite.kind === 'invite' && equal(e.invite.body.linkKey, body.linkKey), "not signed by an invite's link")
        break
      case 'leave':
        must(bundlesOf(e.writer, e).length > 0, 'whoever leaves must be a member')
        must(!equal(masterOf(e, this.root), e.writer), 'the master cannot leave')
        break
      case 'renew':
        must(bundlesOf(e.writer, e).length > 0 || this.isOneOfTwo(e.writer), 'renews the bundle of a stranger')
        must(bundlesOf(e.writer, e).every((b) => BigInt(b.number) < BigInt(e.bundle.number)), 'a bundle that is not newer')
    }
  }

  isOneOfTwo(user) {
    return this.root.kind === 'pair' && [this.root.writer, sha256(this.root.body.other)].some((u) => equal(u, user))
  }

  checkChain(e) {
    const before = isZero(e.prev) ? undefined : this.get(e.prev)
    if (!isZero(e.chain)) {
      e.appointed = this.get(e.chain)
      must(e.appointed.kind === 'appoint' && equal(e.appointed.body.subject, e.writer), 'its writer may not write on that chain')
    }
    if (before) {
      must(chained(before) && before.appointed === e.appointed, 'follows an entry of another chain')
      must(BigInt(before.number) + 1n === BigInt(e.number), 'its number does not follow')
    }
    if (e.appointed) return
    e.reign = before.kind === 'handover' ? before : before.reign
    const holds = this.root.kind === 'pair' ? this.isOneOfTwo(e.writer) : equal(e.writer, e.reign.bundle.id)
    must(holds, 'its writer may not write on that chain')
  }

  // E(S) and its reigns, of all entries held.
  now() {
    if (this.nowAt !== this.version) {
      this.counting = this.root ? counting(new Set(this.held.values()), this.root) : { counted: new Set(), reigns: [] }
      this.nowAt = this.version
    }
    return this.counting
  }

  /** The entries that count, of all that are held. */
  counted() {
    return this.now().counted
  }

  closure(heads) {
    const c = new Set()
    for (const h of heads) for (const e of this.get(h).closure) c.add(e)
    return c
  }

  /** The name of a user's role, by what counts of a set of entries; of all, if none is given. */
  role(user, of) {
    if (!this.root) return 'none'
    return roleBy(user, of ? [...this.counted()].filter((e) => of.has(e)) : this.counted(), this.root)
  }

  /** The causally maximal of the entries in a set that begin an epoch. */
  epochsIn(set) {
    return latest([...set].filter(beginsEpoch))
  }

  /** The epochs in which a writer with these heads may write; of what counts now, if none are given. */
  epochs(heads = this.headsOf(zeroID)) {
    return this.epochsIn(this.closure(heads)).filter((e) => this.counted().has(e))
  }

  /** The heads of whoever writes: entries that count, chained or its own beside the chains, as far as none has seen them, and the one given. */
  headsOf(writer, also) {
    const seen = latest([...this.counted()].filter((e) => chained(e) || equal(e.writer, writer)))
    if (also && !seen.includes(also)) seen.push(also)
    return seen.map((e) => e.id).sort(Buffer.compare)
  }

  /** Who has, or may have been given, an epoch's key, and has no right to the room's key now: IDs in hex. */
  outsiders(epoch) {
    const counted = this.counted()
    const known = [...counted].filter((e) => epoch.closure.has(e))
    const admitted = (e) => (e.kind === 'join' ? revokers(e.invite, known).every((r) => r.closure.has(e))
      : (e.kind === 'add' || e.kind === 'appoint') && !known.some((k) => endsChainOf(k, e)))
    const putOut = (e) => e.kind === 'leave' || (e.kind === 'stop' && beginsEpoch(e))
    const then = [...this.held.values()].filter((e) => (counted.has(e) ? epoch.closure.has(e) || !putOut(e) : admitted(e)))
    const users = new Set([...this.held.values()].map(userOf).filter((u) => u).map(hex))
    return [...users].filter((u) => {
      const user = Buffer.from(u, 'hex')
      return !holdsKey(this.role(user)) && holdsKey(roleBy(user, then, this.root))
    })
  }

  /** Whether a removal or ban keeps a user out. */
  removed(user) {
    return removedUsers(this.counted(), this.root).includes(hex(user))
  }

  /** The room's name: of the latest policies that count the one with the lowest ID says it, or the genesis. */
  name() {
    const policies = latest([...this.counted()].filter((e) => e.kind === 'policy')).sort((x, y) => Buffer.compare(x.id, y.id))
    return (policies[0] ?? this.root).body.name
  }

  /** Names the set of entries held to the user's peer. */
  digest() {
    return H('entries', [...this.held.values()].map((e) => e.id).sort(Buffer.compare)).subarray(0, 16)
  }

  /** The invites that count and that nothing revokes. */
  invites() {
    return [...this.counted()].filter((e) => e.kind === 'invite' && revokers(e, this.counted()).length === 0)
  }

  invite(linkKey) {
    return this.invites().find((e) => equal(e.body.linkKey, linkKey))
  }
}

// The user to whom an entry may give a role, also by a stop that makes a reader of whoever it is.
const userOf = (e) => e.bundle?.id ?? (['appoint', 'stop'].includes(e.kind) ? e.body.subject : undefined)

// Whether an entry ends the chain, or the reign, on which another stands.
const endsChainOf = (k, e) => (k.kind === 'demote' && k.appointment === e.appointed) || (k.kind === 'handover' && k.reign === e.reign)

// The bundles of a user in what an entry has seen.
const bundlesOf = (user, e) => [...e.closure].filter((c) => c !== e && c.bundle && equal(c.bundle.id, user)).map((c) => c.bundle)

// The master by M of what an entry has seen.
function masterOf(e, root) {
  return masters(e.closure, root).reigns.at(-1).master
}
