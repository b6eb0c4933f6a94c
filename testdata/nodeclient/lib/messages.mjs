// The registry of message types and their bodies: package wire, rows.go and msg_*.go.
import { Refused, decode, encode, shape } from './canonical.mjs'

export const maxFrame = 1 << 20
export const firstStreamType = 16
export const firstOptional = 0x4000
export const maxText = 256
export const maxSoftware = 64
const tiny = 512
const record = 16 << 10
const MiB = maxFrame

// Where a type may be received.
const hello = 'hello' // as the first frame
const both = 'hello session'
const session = 'session' // behind it, on stream 0
const toPeer = 'toPeer' // from a user, by a peer
const toUser = 'toUser' // from a peer, by a user
const peers = 'peers' // between peers

const u = (bits) => shape.uint(2n ** BigInt(bits) - 1n)
const bytes = shape.bin(0, maxFrame)
const text = shape.str(maxFrame)
const bool = shape.bool()
const { id, list, struct } = shape
const n = u(64)

const ref = struct({ log: id, number: n })
const head = struct({ log: id, floor: n, last: n, link: id })
const node = struct({ prefix: bytes, hash: bytes })

// number: [name, where, bound in bytes, fields]
const rows = {
  1: ['Hello', hello, tiny, { role: u(8), software: text, instance: shape.bin(8), port: u(16), features: list(n) }],
  2: ['Ping', session, tiny, { seq: n }],
  3: ['Pong', session, tiny, { seq: n }],
  4: ['Credit', session, tiny, { stream: u(32), limit: n }],
  5: ['StreamEnd', session, tiny, { stream: u(32), code: u(16), text }],
  6: ['Close', both, tiny, { code: u(16), text }],

  16: ['TokenRequest', toPeer, tiny, {}],
  17: ['TokenGrant', toUser, record, { id: bytes, expires: n, scope: text, sealed: bytes }],
  18: ['TokenList', toPeer, tiny, {}],
  19: ['Tokens', toUser, MiB, { tokens: list(struct({ id: bytes, issued: n, expires: n, lastUsed: n, scope: text, current: bool })) }],
  20: ['TokenRevoke', toPeer, tiny, { id: bytes }],
  21: ['Done', toUser, tiny, {}],
  22: ['StatusGet', toPeer, tiny, {}],
  23: ['Status', toUser, record, {
    peer: id, name: text, network: text, secret: bool, software: text, address: text, addresses: list(text), store: text,
    started: n, rooms: n, sessions: n, users: n, messages: n, diskBytes: n, memoryBytes: n, commits: n, syncs: n,
    queuedBytes: n, sent: n, received: n, goroutines: n, counters: list(struct({ name: text, value: n })),
  }],
  24: ['PeersGet', toPeer, tiny, { watch: bool }],
  25: ['Peers', toUser, MiB, {
    peers: list(struct({
      peer: id, name: text, address: text, state: text, reason: text, rtt: n, since: n, rooms: n, sent: n, received: n, outbound: bool,
    })),
  }],
  26: ['RoomsGet', toPeer, tiny, { room: id }],
  27: ['Rooms', toUser, MiB, {
    rooms: list(struct({
      room: id, open: bool, entries: n, logs: n, messages: n, bytes: n, peers: n, inStep: n, arrival: n, lastReceived: n,
    })),
  }],
  28: ['DoctorGet', toPeer, tiny, {}],
  29: ['Doctor', toUser, MiB, { findings: list(struct({ layer: text, subject: text, ok: bool, detail: text, advice: text })) }],
  30: ['Submit', toPeer, MiB, { room: id, delegation: bytes, join: bytes, addresses: list(text), entries: list(bytes), boxes: list(bytes) }],
  31: ['RoomDetach', toPeer, tiny, { room: id, forget: bool }],
  32: ['AuthorityGet', toPeer, tiny, { room: id, known: bytes, recipient: id, follow: bool }],
  33: ['Authority', toUser, MiB, { digest: bytes, entries: list(bytes), boxes: list(bytes), more: bool }],
  34: ['RoomWatch', toPeer, tiny, { room: id }],
  35: ['RoomProgress', toUser, tiny, { entries: n, messages: n, missing: n, peers: n, inStep: n }],
  36: ['WriterGet', toPeer, tiny, { room: id, log: id, known: bytes }],
  37: ['Writer', toUser, record, { digest: bytes, last: n, link: id, clock: n, refs: list(ref) }],
  38: ['Append', toPeer, MiB, { room: id, runs: list(bytes) }],
  39: ['Appended', toUser, tiny, { log: id, last: n, link: id }],
  40: ['AppendRefused', toUser, record, { log: id, code: u(16), text, first: n, last: n, link: id }],
  41: ['PlacedGet', toPeer, tiny, { room: id, log: id, number: n, replicas: n, wait: n }],
  42: ['Placed', toUser, tiny, { on: n, of: n }],
  43: ['Tail', toPeer, tiny, { room: id, instance: bytes, after: n, last: n, follow: bool }],
  44: ['TailRuns', toUser, MiB, { items: list(struct({ arrival: n, received: n, waits: bool, run: bytes })) }],
  45: ['TailMark', toUser, tiny, { instance: bytes, arrival: n, live: bool }],
  46: ['VerifyGet', toPeer, tiny, { room: id, peer: id }],
  47: ['Verified', toUser, MiB, {
    messages: n, digest: bytes,
    peers: list(struct({
      peer: id, name: text, identical: bool, holes: list(struct({ log: id, first: n, last: n, side: text })), problem: text,
    })),
    forks: list(id),
  }],

  48: ['NoticesGet', toPeer, record, { room: id, seen: list(ref), follow: bool }],
  49: ['Notices', toUser, MiB, {
    notices: list(struct({ room: id, log: id, first: n, last: n, counts: bool, reason: n, text })),
  }],
  50: ['HeadsGet', toPeer, tiny, { room: id, author: id, most: n }],
  51: ['SealedGet', toPeer, tiny, { room: id, epoch: id }],
  52: ['Sealed', toUser, MiB, { recipients: list(id), more: bool }],
  62: ['SnapshotGet', toPeer, tiny, {}],
  63: ['Snapshot', toUser, record, { path: text }],

  64: ['Offer', peers, MiB, { start: n, tags: bytes }],
  65: ['Match', peers, MiB, { known: list(n), states: bytes, unknown: list(n), tags: bytes }],
  66: ['InStep', peers, MiB, { refs: list(n) }],
  67: ['OpenRoom', peers, record, { ref: n, delegation: bytes, join: bytes, answer: bool, state: bytes }],
  68: ['RoomClose', peers, tiny, { ref: n, code: u(16) }],
  69: ['State', peers, tiny, { ref: n, digest: bytes }],
  70: ['Ranges', peers, MiB, { ref: n, set: n, nodes: list(node) }],
  71: ['RangesReply', peers, MiB, { ref: n, set: n, children: list(node), leaves: list(bytes), keys: list(id), heads: list(head) }],
  72: ['Fetch', peers, MiB, { ref: n, set: n, ids: list(id) }],
  73: ['Records', peers, MiB, { ref: n, set: n, records: list(bytes), asked: bool, more: bool }],
  74: ['Announce', peers, MiB, { ref: n, heads: list(head) }],
  75: ['Push', peers, MiB, { ref: n, runs: list(bytes) }],
  76: ['Pull', peers, MiB, { ref: n, wants: list(struct({ log: id, first: n, last: n })) }],
  77: ['Runs', peers, MiB, { runs: list(bytes) }],
  78: ['Ack', peers, MiB, { ref: n, marks: list(ref) }],
}

const byNumber = new Map()
const byName = new Map()
for (const [number, [name, where, bound, of]] of Object.entries(rows)) {
  const row = { number: Number(number), name, where, bound, names: Object.keys(of), shape: struct(of) }
  byNumber.set(row.number, row)
  byName.set(name, row)
}

/** The row of a type by its number, or undefined. */
export const rowOf = (number) => byNumber.get(number)
export const rowNamed = (name) => byName.get(name)

/** A body's fields as an object, with the type's name in `type`. */
export function parseBody(row, body) {
  if (body.length > row.bound) throw new Refused('over the bound of its type')
  return { type: row.name, ...row.shape(decode(body)) }
}

// A structure is an object in the code and an array of its values, in the order
// of the fields, on the wire; the messages sent here hold no structures in turn.
export function makeBody(row, message) {
  return encode(row.names.map((name) => {
    if (!(name in message)) throw new Error(`${row.name} lacks ${name}`)
    return message[name]
  }))
}

/** The codes of errors, package wire. */
export const code = { ok: 0, protocol: 1, refused: 5, tooLarge: 9, shutdown: 10 }
export const codeNames = ['ok', 'protocol error', 'internal error', 'busy', 'timed out', 'refused', 'not found', 'conflict',
  'storage failed', 'too large', 'shutting down', 'duplicate session', 'revoked', 'expired', 'used up', 'too fast', 'not yet', 'invalid']
