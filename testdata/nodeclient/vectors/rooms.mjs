import { H, base32, fields, hex, hkdf, unhex } from '../lib/bytes.mjs'
import { Authority } from '../lib/authority.mjs'
import { parseEntry } from '../lib/entries.mjs'
import { network } from '../lib/identity.mjs'
import { Runs } from '../lib/judge.mjs'
import { linkText, openBox, parseBox, parseDelegation, parseLink } from '../lib/links.mjs'
import { removedUsers } from '../lib/role.mjs'
import { messageID, openMessageAt, parsePlaintext, parseProof, parseRun, sealMessageAt } from '../lib/runs.mjs'
import { refuses, same } from './expect.mjs'

// A family of records: parse refuses what is to be refused, and gives the values of the rest.
const records = (parse, values) => (vectors, each) => {
  for (const v of vectors) {
    each(v.name, () => {
      const input = v.text ?? unhex(v.input)
      if (v.refused) return refuses(() => parse(input))
      const got = values(parse(input), input)
      same('values', Object.keys(got).sort().join(' '), Object.keys(v.values).sort().join(' '))
      for (const [name, want] of Object.entries(v.values)) same(name, got[name], want)
    })
  }
}

export const families = {
  'rooms/entries': records(parseEntry, (e) => ({ id: e.id, kind: e.kind, room: e.room, writer: e.writer })),
  'rooms/runs': records(parseRun, (r) => ({
    author: r.author, hash: r.hash, heads: r.heads.map(hex).join(' '), log: r.log, 'message-0': messageID(r.hash, 0),
  })),
  'rooms/plaintexts': records(parsePlaintext, (p) => ({ data: p.data, name: p.name })),
  'rooms/boxes': records(parseBox, (b) => ({ id: b.id, recipient: b.recipient, sealer: b.sealer })),
  'rooms/delegations': records(parseDelegation, (d) => ({ context: d.context, hash: d.hash, member: d.by })),
  'rooms/proofs': records(parseProof, (p) => ({ id: p.id, log: p.log, runs: p.hashes.map(hex).join('') })),
  'rooms/links': records(parseLink, (l, text) => {
    same('text made again', linkText(l.room, l.secret, l.network, l.addresses), text)
    same('upper case', parseLink(text.toUpperCase()).room, l.room)
    return {
      addresses: l.addresses.join(' '), network: l.network, recipient: l.recipient, room: l.room, secret: l.secret,
      'sealing-key-hash': H('sealing', l.sealing.public), 'signing-key': l.signer.public,
    }
  }),

  'rooms/keys'(vectors, each) {
    for (const v of vectors['open-rooms']) {
      each(`open room ${v.name} of ${v.network}`, () => {
        const n = network(v.network, unhex(v.secret))
        const room = H('open', v.network, n.key('open-id'), v.name)
        same('room', room, v.room)
        same('key', hkdf(n.key('open'), fields('epoch', room), 32), v.key)
      })
    }
    for (const v of vectors.messages) {
      each(v.name, () => {
        const place = {
          room: unhex(v.room), epoch: unhex(v.epoch), author: unhex(v.author), incarnation: unhex(v.incarnation),
          number: BigInt(v.number), prev: unhex(v.prev),
        }
        const open = () => openMessageAt(unhex(v['epoch-key']), place, unhex(v.sealed))
        if (v.refused) return refuses(open)
        same('data', open().data, v.data)
        same('name', open().name, v['display-name'])
        const message = { data: unhex(v.data), name: v['display-name'] }
        same('sealed', sealMessageAt(unhex(v['epoch-key']), place, message, unhex(v.iv)), v.sealed)
      })
    }
    for (const v of vectors.boxes) {
      each(v.name, () => {
        const open = () => openBox(parseBox(unhex(v.box)), parseEntry(unhex(v.epoch)), parseLink(v.link).sealing)
        if (v.refused) return refuses(open)
        same('key', open(), v.key)
      })
    }
  },

  'rooms/validity': (vectors, each) => history(vectors, vectors.entries.map((v) => ({ ...v, bytes: unhex(v.input) })), each),

  'rooms/authority'(vectors, each) {
    for (const h of vectors.histories) {
      const entries = h.entries.map((v) => ({ ...v, bytes: unhex(vectors.entries[v.input]) }))
      const authority = history(h, entries, (name, claim) => each(`${h.name}: ${name}`, claim))
      const ids = (list) => list.map((e) => hex(e.id)).sort().join(' ')
      const want = (list) => (list ?? []).join(' ')
      each(`${h.name}: what counts`, () => {
        same('epochs', ids(authority.epochs()), want(h.epochs))
        same('live invites', ids(authority.invites()), want(h.invites))
        same('entries that do not count', ids([...authority.held.values()].filter((e) => !authority.counted().has(e))), want(h.void))
        same('removed', removedUsers(authority.counted(), authority.root).join(' '), want(h.removed))
      })
    }
  },
}

// A room's entries, the roles that they give and the verdicts on runs.
function history(vectors, entries, each) {
  const authority = new Authority(unhex(vectors.room))
  for (const v of entries) {
    each(v.name, () => {
      const add = () => authority.add(v.bytes)
      if (v.refused) return refuses(add)
      add()
      same('entries parked', authority.parked.length, 0)
    })
  }
  for (const [user, role] of Object.entries(vectors.roles)) each(`role of ${base32(unhex(user))}`, () => same('role', authority.role(unhex(user)), role))
  const judged = vectors.runs ?? []
  const inputs = new Map(judged.map((v) => [v.name, unhex(v.input)]))
  for (const v of judged) {
    each(v.name, () => {
      const runs = new Runs(authority)
      for (const name of [...v.before, ...(v.held ?? [])]) runs.hold(parseRun(inputs.get(name)))
      const run = parseRun(inputs.get(v.name))
      if (v.fork) runs.prove({ log: run.log, first: v.fork })
      same('verdict', runs.add(run), v.verdict)
    })
  }
  return authority
}
