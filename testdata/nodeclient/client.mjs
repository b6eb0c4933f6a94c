// Joins a room by its invite link, writes to it and prints its messages.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { base32, hex, unbase32, unhex, zeros } from './lib/bytes.mjs'
import { makeBundle, network, parseNetworkFile, sealingKeyOfSeed, signer } from './lib/identity.mjs'
import { parseLink } from './lib/links.mjs'
import { dial } from './lib/session.mjs'
import { Room } from './lib/user.mjs'

const usage = `usage: node client.mjs [flags] LINK

Joins the room of an invite link, writes the texts given, then prints the room's
messages, one JSON object a line: author, seq, id, text.

  --network FILE     the network's secret; without it, the link's network has none
  --peer HOST:PORT   the peer to talk to; without it, the link's first address
  --peer-id ID       refuse another peer than this
  --key FILE         the user's seed, made if there is none; without it, a new user
  --name NAME        the user's name
  --send TEXT        a message to write, may be repeated
  --count N          end after N messages; without it, at the end of the history
  --timeout SECONDS  give up after (30)
`

const flags = {
  network: { type: 'string' }, peer: { type: 'string' }, 'peer-id': { type: 'string' }, key: { type: 'string' },
  name: { type: 'string', default: 'node' }, send: { type: 'string', multiple: true, default: [] },
  count: { type: 'string' }, timeout: { type: 'string', default: '30' }, help: { type: 'boolean' },
}

function user(file, name) {
  let seed = randomBytes(32)
  if (file && existsSync(file)) seed = unhex(readFileSync(file, 'utf8').trim())
  else if (file) writeFileSync(file, `${hex(seed)}\n`, { mode: 0o600, flag: 'wx' })
  const by = signer(seed)
  const sealing = sealingKeyOfSeed(seed)
  return { signer: by, sealing, bundle: makeBundle(by, sealing.public, name) }
}

function address(text) {
  const at = text.lastIndexOf(':')
  return [text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), Number(text.slice(at + 1))]
}

const line = (m) => JSON.stringify({ author: base32(m.author), seq: Number(m.seq), id: base32(m.id), text: m.text })

async function main() {
  const { values: f, positionals } = parseArgs({ options: flags, allowPositionals: true })
  if (f.help || positionals.length !== 1) {
    process.stderr.write(usage)
    return f.help ? 0 : 2
  }
  const late = setTimeout(() => fail(new Error(`not done after ${f.timeout} s`)), 1000 * Number(f.timeout))
  const link = parseLink(positionals[0])
  const net = f.network ? parseNetworkFile(readFileSync(f.network, 'utf8')) : network(link.network, zeros(0))
  const to = f.peer ?? link.addresses[0]
  if (!to) throw new Error('the link names no address; give one with --peer')
  const me = user(f.key, f.name)
  const session = await dial(...address(to), net, me, { meant: f['peer-id'] && unbase32(f['peer-id']) })
  console.error(`session with ${session.peer.name}·${base32(session.peer.id).slice(0, 4)}`)
  const room = new Room(session, me, link)
  const { name, role } = await room.join()
  console.error(`joined ${name} as ${role}`)
  if (f.send.length > 0) console.error(`${await room.send(f.send)} messages durable at the peer`)
  let left = f.count === undefined ? Infinity : Number(f.count)
  for await (const m of room.messages(left !== Infinity)) {
    console.log(line(m))
    if (--left === 0) break
  }
  clearTimeout(late)
  await session.close()
  return 0
}

function fail(err) {
  console.error(`nodeclient: ${err.message}`)
  process.exit(1)
}

main().then((status) => process.exit(status), fail)
