// The runs of a room, as its authority judges them: package rooms, "Validity of
// runs". A verdict may change with the entries and the runs held, so it is made
// anew whenever it is asked for and either has changed.
import { equal, hex, isZero } from './bytes.mjs'
import { mayWrite } from './role.mjs'

const last = (r) => r.last
const first = (r) => BigInt(r.first)

export class Runs {
  constructor(authority) {
    this.authority = authority
    this.held = new Map() // run by hash in hex
    this.logs = new Map() // {runs, proven, verdicts} by log in hex
    this.version = -1 // the authority's, of which the verdicts are
  }

  /** Holds a run and judges it: valid, void, pending or reject. */
  add(run) {
    return this.verdict(this.hold(run))
  }

  /** Holds a run without judging it, and returns it as it is held. */
  hold(run) {
    const same = this.held.get(hex(run.hash))
    if (same) return same
    this.held.set(hex(run.hash), run)
    const log = this.log(run.log)
    const forked = log.proven.length > 0 || log.runs.some((o) => equal(o.prev, run.prev))
    log.runs.push(run)
    if (forked || log.forked) log.verdicts.clear()
    log.forked ||= forked
    for (const r of log.runs) if (log.verdicts.get(r) === 'pending') log.verdicts.delete(r)
    return run
  }

  /** Takes it that a log has two siblings with a first number, as a proof says. */
  prove({ log: id, first: number }) {
    const log = this.log(id)
    log.proven.push(BigInt(number))
    log.forked = true
    log.verdicts.clear()
  }

  log(id) {
    const key = hex(id)
    if (!this.logs.has(key)) this.logs.set(key, { id, runs: [], proven: [], forked: false, verdicts: new Map() })
    return this.logs.get(key)
  }

  verdict(run) {
    if (this.version !== this.authority.version) {
      for (const log of this.logs.values()) log.verdicts.clear()
      this.version = this.authority.version
    }
    const log = this.log(run.log)
    const open = [run] // and those before it that are to be judged first
    for (let r = this.before(run); r && !log.verdicts.has(r); r = this.before(r)) open.push(r)
    for (const r of open.reverse()) if (!log.verdicts.has(r)) log.verdicts.set(r, this.judge(r, log))
    return log.verdicts.get(run)
  }

  // The run before one in its log, if it is held.
  before(run) {
    const r = isZero(run.prev) ? undefined : this.held.get(hex(run.prev))
    return r && equal(r.log, run.log) ? r : undefined
  }

  floors(log) {
    return [...this.authority.counted()].filter((e) => e.kind === 'trim').flatMap((e) => e.body.logs)
      .filter((f) => equal(f[0], log)).map(([, number, link, heads, lastHeads]) => ({ number: BigInt(number), link, first: heads, heads: lastHeads }))
  }

  judge(run, log) {
    const a = this.authority
    if (!equal(run.room, a.room) || isZero(run.epoch)) return 'reject'
    const before = this.before(run)
    const floors = this.floors(run.log)
    const floor = floors.find((f) => equal(f.link, run.prev))
    if (floors.some((f) => first(run) <= f.number)) return 'void'
    const end = floor ? floor.number : before && last(before)
    if (end !== undefined && end + 1n !== first(run)) return 'reject'
    if (!floor && ['void', 'reject'].includes(log.verdicts.get(before))) return 'void'
    if (!floor && !before && !isZero(run.prev)) return 'pending'
    if (![...run.heads, ...(floor ? [...floor.first, ...floor.heads] : [])].every((h) => a.has(h))) return 'pending'
    if (!floor && log.verdicts.get(before) === 'pending') return 'pending'
    if (!this.counts(run, floor ?? before, this.start(run, floors))) return 'void'
    return this.branch(run, log, floors)
  }

  // The heads of the first run of a run's log, or undefined where it is not held.
  start(run, floors) {
    for (let r = run; r; r = this.before(r)) {
      const floor = floors.find((f) => equal(f.link, r.prev))
      if (floor) return floor.first
      if (isZero(r.prev)) return r.heads
    }
  }

  counts(run, before, start) {
    const a = this.authority
    const seen = a.closure(run.heads)
    if (before && !before.heads.every((h) => seen.has(a.get(h)))) return false
    if (!mayWrite(a.role(run.author, seen))) return false
    if (!a.epochsIn(seen).some((e) => equal(e.id, run.epoch))) return false
    const atStart = a.closure(start)
    return [...a.counted()].every((stop) => {
      const own = stop.kind === 'leave' ? equal(stop.writer, run.author) : stop.kind === 'stop' && equal(stop.body.subject, run.author)
      if (!own || atStart.has(stop)) return true
      const pin = pinOf(stop, run.log)
      return pin && (pin.number > last(run) || (pin.number === last(run) && equal(pin.link, run.hash)))
    })
  }

  // What the branches of a forked log say of a run that counts otherwise.
  branch(run, log, floors) {
    const fork = this.fork(log, floors)
    if (fork === undefined || last(run) < fork) return 'valid'
    const pinning = [...this.authority.counted()].filter((e) => ['epoch', 'stop'].includes(e.kind) && pinOf(e, run.log)?.number >= fork)
    const minimal = pinning.filter((e) => !pinning.some((o) => o !== e && e.closure.has(o))).sort((x, y) => Buffer.compare(x.id, y.id))
    if (minimal.length === 0) return 'void'
    const pin = pinOf(minimal[0], run.log)
    const chain = this.chain(pin, log, fork)
    if (chain.runs.includes(run)) return 'valid'
    const others = pinning.filter((e) => e !== minimal[0]).map((e) => this.chain(pinOf(e, run.log), log, fork))
    const pinned = this.held.get(hex(pin.link))
    if (pinned && others.some((c) => c.runs.includes(run) && c.runs.includes(pinned))) return 'valid'
    return chain.missing || others.some((c) => c.missing) ? 'pending' : 'void'
  }

  // The least first number, above every floor, of two siblings held or proven.
  fork(log, floors) {
    const above = (n) => floors.every((f) => n > f.number)
    const firsts = log.proven.filter(above)
    for (const r of log.runs) {
      if (above(first(r)) && log.runs.some((o) => o !== r && equal(o.prev, r.prev) && first(o) === first(r))) firsts.push(first(r))
    }
    return firsts.length > 0 ? firsts.reduce((x, y) => (y < x ? y : x)) : undefined
  }

  // The runs of a pin's chain back to the fork, as far as they are held; none where one does not end as it must.
  chain(pin, log, fork) {
    const runs = []
    for (let { link, number } = pin; ;) {
      const r = this.held.get(hex(link))
      if (!r) return { runs, missing: true }
      if (!equal(r.log, log.id) || last(r) !== number) return { runs: [], missing: false }
      runs.push(r)
      if (first(r) <= fork) return { runs, missing: false }
      link = r.prev
      number = first(r) - 1n
    }
  }
}

function pinOf(e, log) {
  const pin = e.body.pins.find(([of]) => equal(of, log))
  return pin && { number: BigInt(pin[1]), link: pin[2] }
}
