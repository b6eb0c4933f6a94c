// The role that entries give a user: package rooms, "What counts", role(u, T).
import { equal, hex, sha256 } from './bytes.mjs'
import { latest, subjectOf } from './counts.mjs'
import { roleNames } from './entries.mjs'

const member = roleNames.indexOf('member')

/** Whether a role may write, and whether it holds the room's key. */
export const mayWrite = (role) => ['member', 'admin', 'master'].includes(role)
export const holdsKey = (role) => mayWrite(role) || role === 'reader'

/** The master by a set of entries that count: the successor in the last of its handovers, or the genesis's writer. */
export function masterBy(counted, root) {
  const last = latest([...counted].filter((e) => e.kind === 'handover'))
  return last.length > 0 ? last[0].bundle.id : root.writer
}

/** What decides a user's role: its entries in counted, a set of entries that count, by kind. */
function about(user, counted) {
  const own = { stops: [], lifts: [], appointments: [], demotions: [], chained: [], joins: [], leaves: [] }
  for (const e of counted) {
    const subject = subjectOf(e)
    if (subject && equal(subject, user)) {
      if (e.kind === 'appoint') own.appointments.push(e)
      else own.chained.push(e)
      if (e.kind === 'stop') own.stops.push(e)
      if (e.kind === 'lift') own.lifts.push(e)
      if (e.kind === 'demote') own.demotions.push(e)
    } else if (equal(e.writer, user)) {
      if (e.kind === 'join') own.joins.push(e)
      if (e.kind === 'leave') own.leaves.push(e)
    }
  }
  return own
}

const isRemoval = (e) => e.kind === 'stop' && e.body.role === 0

/** Whether the latest entries about a user, or a ban, keep it out until it is added, lifted or demoted. */
const removedBy = (own) =>
  own.stops.some((s) => s.body.ban === 1 && ![...own.lifts, ...own.demotions].some((e) => e.closure.has(s)))
  || latest(own.chained).some(isRemoval)

const gives = (e) => (e.kind === 'add' || e.kind === 'stop' ? e.body.role : member)

/** The name of a user's role by a set of entries that count. */
export function roleBy(user, counted, root) {
  if (root.kind === 'pair') return equal(user, root.writer) || equal(user, sha256(root.body.other)) ? 'member' : 'none'
  if (equal(user, masterBy(counted, root))) return 'master'
  const own = about(user, counted)
  const left = (e) => own.leaves.some((l) => l.closure.has(e))
  if (own.appointments.some((a) => !own.demotions.some((d) => d.appointment === a) && !left(a))) return 'admin'
  if (removedBy(own)) return 'none'
  const deciding = latest(own.chained)
  const limit = Math.min(...deciding.filter((e) => e.kind === 'stop').map(gives))
  const given = deciding.filter((e) => e.kind !== 'lift' && !left(e)).map(gives)
  if (given.length > 0) return roleNames[Math.min(limit, ...given)]
  const joins = latest(own.joins.filter((j) => deciding.every((e) => j.closure.has(e)) && !left(j)))
  return joins.length > 0 ? roleNames[Math.min(limit, ...joins.map((j) => j.invite.body.role))] : 'none'
}

/** The users who have no role because of a removal or ban, as IDs in hex in ascending order. */
export function removedUsers(counted, root) {
  const stopped = new Set([...counted].filter(isRemoval).map((e) => hex(e.body.subject)))
  return [...stopped].sort().filter((u) => {
    const user = Buffer.from(u, 'hex')
    return roleBy(user, counted, root) === 'none' && removedBy(about(user, counted))
  })
}
