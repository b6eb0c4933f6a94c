// Which of the entries held count: package rooms, "What counts", with M(S),
// continues, witnesses, E(S) and revokers under the names that they have there.
import { equal, hex } from './bytes.mjs'

/** Those of a set of entries that no other of it has seen. */
export function latest(entries) {
  const list = [...entries]
  return list.filter((e) => !list.some((o) => o !== e && o.closure.has(e)))
}

/** Whether an entry begins an epoch. */
export const beginsEpoch = (e) => e.kind === 'epoch' || e.kind === 'demote' || (e.kind === 'stop' && e.body.role !== 2)

/** The user whom a chained entry is about, of the kinds that decide a role; else undefined. */
export function subjectOf(e) {
  switch (e.kind) {
    case 'add': return e.bundle.id
    case 'stop': case 'lift': case 'appoint': return e.body.subject
    case 'demote': return e.appointment.body.subject
    case 'handover': return e.writer
  }
}

const ofKind = (set, kind) => [...set].filter((e) => e.kind === kind)

/** M(S) and its reigns in their order, each {began, master, end}; end is the handover that continues, if there is one. */
export function masters(held, root) {
  const counted = new Set()
  const reigns = []
  for (let began = root, master = root.writer; ;) {
    const own = [...held].filter((e) => e.reign === began)
    const handovers = ofKind(own, 'handover')
    const early = own.filter((e) => !handovers.some((h) => h !== e && e.closure.has(h)))
    const rivals = ofKind(early, 'handover')
    const end = rivals.length > 1 ? continues(rivals, master, [...counted, ...own], held) : rivals[0]
    for (const e of early) if (!end || end.closure.has(e)) counted.add(e)
    reigns.push({ began, master, end })
    if (!end) return { counted, reigns }
    began = end
    master = end.bundle.id
  }
}

function continues(rivals, master, known, held) {
  const votes = new Map(rivals.map((h) => [h, 0]))
  for (const h of witnesses(rivals, master, known, held)) votes.set(h, votes.get(h) + 1)
  return rivals.sort((a, b) => votes.get(b) - votes.get(a) || Buffer.compare(a.id, b.id))[0]
}

// Yields for each witness the handover for which it counts.
function* witnesses(rivals, master, known, held) {
  const chains = new Map() // the appointments by their subject
  for (const a of ofKind(new Set(known), 'appoint')) {
    const demoted = (h) => ofKind(h.closure, 'demote').some((d) => d.appointment === a)
    if (!rivals.every((h) => h.closure.has(a) && !demoted(h))) continue
    const user = hex(a.body.subject)
    chains.set(user, [...(chains.get(user) ?? []), a])
  }
  for (const user of [master, ...rivals.map((h) => h.bundle.id)]) chains.delete(hex(user))
  for (const own of chains.values()) {
    const entries = [...held].filter((e) => own.includes(e.appointed))
    const seen = rivals.filter((h) => entries.some((e) => e.closure.has(h)))
    if (seen.length === 1) yield seen[0]
  }
}

/** The entries that have ended an appointment by M(S): demotions of it, and leaves of its subject that have seen it. */
const endsOf = (a, counted, leaves) => [
  ...ofKind(counted, 'demote').filter((d) => d.appointment === a),
  ...leaves.filter((l) => equal(l.writer, a.body.subject) && l.closure.has(a)),
]

/** E(S) of a closed set of entries with the root among them, and the reigns of M(S). */
export function counting(held, root) {
  if (root.kind === 'pair') return { counted: new Set(held), reigns: [] }
  const { counted: byMaster, reigns } = masters(held, root)
  const leaves = ofKind(held, 'leave')
  const counted = new Set(byMaster)
  const seats = ofKind(byMaster, 'appoint').map((began) => ({ user: began.body.subject, began, ends: endsOf(began, byMaster, leaves) }))
  for (const { began, ends } of seats) {
    const cuts = ends.map((e) => (e.kind === 'demote' ? e.cut : e))
    for (const e of held) if (e.appointed === began && cuts.every((c) => c.closure.has(e))) counted.add(e)
  }
  seats.push(...reigns.map(({ began, master, end }) => ({ user: master, began, ends: end ? [end] : [] })))
  for (const stop of ofKind(counted, 'stop')) {
    const unseats = (s) => equal(s.user, stop.body.subject) && !s.began.closure.has(stop) && !s.ends.some((e) => stop.closure.has(e))
    if (stop.appointed && seats.some(unseats)) counted.delete(stop)
  }
  const above = [...counted]
  for (const j of ofKind(held, 'join')) {
    if (counted.has(j.invite) && revokers(j.invite, above).every((r) => r.closure.has(j))) counted.add(j)
  }
  for (const e of held) if (e.kind === 'leave' || e.kind === 'renew') counted.add(e)
  return { counted, reigns }
}

/** The revokers of an invite among entries. */
export function revokers(invite, among) {
  return [...among].filter((e) => (e.kind === 'revoke' ? e.body.invites.some((i) => equal(i, invite.id))
    : (e.kind === 'demote' || (e.kind === 'stop' && e.body.role !== 2)) && !invite.closure.has(e)))
}
