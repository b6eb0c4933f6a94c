// Keys, bundles, sealing and networks: package handshake/identity.
import {
  createCipheriv, createDecipheriv, createHash, createPrivateKey, createPublicKey,
  diffieHellman, randomBytes, scryptSync, sign as nodeSign, verify as nodeVerify,
} from 'node:crypto'
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { H, concat, expand, extract, isZero, sha256, unbase32, unhex, utf8, zeros } from './bytes.mjs'
import { Refused, decode, encode, shape } from './canonical.mjs'

// Raw keys of RFC 8410, which Node takes in these wrappings only.
const der = {
  ed25519Private: unhex('302e020100300506032b657004220420'),
  ed25519Public: unhex('302a300506032b6570032100'),
  x25519Private: unhex('302e020100300506032b656e04220420'),
  x25519Public: unhex('302a300506032b656e032100'),
}
const privateKey = (prefix, raw) => createPrivateKey({ key: concat(prefix, raw), format: 'der', type: 'pkcs8' })
const publicKey = (prefix, raw) => createPublicKey({ key: concat(prefix, raw), format: 'der', type: 'spki' })
const rawPublic = (key) => createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)

export const x25519 = {
  public: (secret) => rawPublic(privateKey(der.x25519Private, secret)),
  shared(secret, share) {
    let ss
    try {
      ss = diffieHellman({ privateKey: privateKey(der.x25519Private, secret), publicKey: publicKey(der.x25519Public, share) })
    } catch {
      throw new Refused('the key share is bad') // OpenSSL refuses a result of zeros by itself
    }
    if (isZero(ss)) throw new Refused('the key share is bad')
    return ss
  },
}

// Signatures

export const signed = (context, ...f) => concat(utf8(`parley/1/${context}`), zeros(1), H(...f))

/** A signing key of a seed, with its public key as it is written: algorithm byte and key. */
export function signer(seed) {
  const key = privateKey(der.ed25519Private, seed)
  const pub = concat(Buffer.from([1]), rawPublic(key))
  return { public: pub, id: idOf(pub), sign: (context, ...f) => nodeSign(null, signed(context, ...f), key) }
}

export const idOf = (key) => sha256(key)

export function isKey(key) {
  return key.length === 33 && key[0] === 1
}

export function verify(key, signature, context, ...f) {
  if (!isKey(key)) throw new Refused('a key of an unknown algorithm')
  if (signature.length !== 64) throw new Refused('the signature is wrong')
  let good = false
  try {
    good = nodeVerify(null, signed(context, ...f), publicKey(der.ed25519Public, key.subarray(1)), signature)
  } catch { /* no point of the curve */ }
  if (!good) throw new Refused('the signature is wrong')
}

// Names

const forbidden = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]/u

export function checkName(name, min = 0, max = 64) {
  const n = Buffer.byteLength(name)
  if (n < min || n > max || forbidden.test(name)) throw new Refused('not a name')
  return name
}

// Bundles

export const sealingSize = 1216

const bundleShape = shape.tuple(shape.uint(), shape.bin(0, 4096), shape.uint(), shape.bin(sealingSize), shape.str(64), shape.bin(64))

export function parseBundle(bytes) {
  const [version, key, number, sealing, name, signature] = bundleShape(decode(bytes))
  if (version !== 1) throw new Refused('made by a newer version')
  if (!isKey(key)) throw new Refused('a key of an unknown algorithm')
  if (number < 1) throw new Refused('number 0')
  checkName(name)
  verify(key, signature, 'bundle', bytes.subarray(0, -66))
  return { bytes, key, id: idOf(key), number, sealing, name }
}

export function makeBundle(by, sealing, name, number = 1) {
  const open = encode([1, by.public, number, sealing, checkName(name), zeros(64)]).subarray(0, -66)
  return concat(open, encode(by.sign('bundle', open)))
}

// Sealing: HPKE in base mode with MLKEM768-X25519, HKDF-SHA-256, AES-256-GCM

const shake256 = (n, ...parts) => createHash('shake256', { outputLength: n }).update(concat(...parts)).digest()
const sha3 = (...parts) => createHash('sha3-256').update(concat(...parts)).digest()
const be16 = (n) => Buffer.from([n >> 8, n & 255])
const kemID = be16(0x647a)
const suiteID = concat(utf8('HPKE'), kemID, be16(1), be16(2))
const kemLabel = utf8('\\.//^\\')
const encSize = 1120

/** DeriveKeyPair: a sealing key of a seed of 32 bytes. Its private form is LabeledDerive of SHAKE256. */
export const sealingKeyOfSeed = (ikm) => sealingKey(
  shake256(32, ikm, utf8('HPKE-v1'), utf8('KEM'), kemID, be16(13), utf8('DeriveKeyPair'), be16(32)))

/** A sealing key of its private form, 32 bytes. */
export function sealingKey(secret) {
  const s = shake256(96, secret)
  const kem = ml_kem768.keygen(s.subarray(0, 64))
  const x = s.subarray(64)
  const shareX = x25519.public(x)
  return {
    public: concat(Buffer.from(kem.publicKey), shareX),
    decapsulate(enc) {
      const ss = Buffer.from(ml_kem768.decapsulate(enc.subarray(0, 1088), kem.secretKey))
      const ct = enc.subarray(1088)
      return sha3(ss, x25519.shared(x, ct), ct, shareX, kemLabel)
    },
  }
}

function encapsulate(to) {
  const m = ml_kem768.encapsulate(to.subarray(0, 1184), randomBytes(32))
  const x = randomBytes(32)
  const ct = x25519.public(x)
  const shareX = to.subarray(1184)
  const ss = sha3(Buffer.from(m.sharedSecret), x25519.shared(x, shareX), ct, shareX, kemLabel)
  return [ss, concat(Buffer.from(m.cipherText), ct)]
}

const labeledExtract = (salt, label, ikm) => extract(salt, concat(utf8('HPKE-v1'), suiteID, utf8(label), ikm))
const labeledExpand = (prk, label, info, n) => expand(prk, concat(be16(n), utf8('HPKE-v1'), suiteID, utf8(label), info), n)

// KeySchedule of RFC 9180 section 5.1, mode 0.
function schedule(ss, info) {
  const none = zeros(0)
  const context = concat(Buffer.from([0]), labeledExtract(none, 'psk_id_hash', none), labeledExtract(none, 'info_hash', info))
  const secret = labeledExtract(ss, 'secret', none)
  return [labeledExpand(secret, 'key', context, 32), labeledExpand(secret, 'base_nonce', context, 12)]
}

export function hpkeSeal(to, info, plaintext) {
  const [ss, enc] = encapsulate(to)
  const c = createCipheriv('aes-256-gcm', ...schedule(ss, info))
  return concat(enc, c.update(plaintext), c.final(), c.getAuthTag())
}

export function hpkeOpen(key, info, sealed) {
  if (sealed.length < encSize + 16) throw new Refused('cannot be opened')
  try {
    const d = createDecipheriv('aes-256-gcm', ...schedule(key.decapsulate(sealed.subarray(0, encSize)), info))
    d.setAuthTag(sealed.subarray(-16))
    return concat(d.update(sealed.subarray(encSize, -16)), d.final())
  } catch {
    throw new Refused('cannot be opened')
  }
}

// Networks

export function network(name, secret) {
  checkName(name, 1)
  if (name !== name.trim()) throw new Refused('not a name of a network')
  const psk = H('network', name, secret)
  return { name, secret, psk, key: (use) => expand(psk, utf8(`parley/1/network/${use}`), 32) }
}

export function parseNetworkFile(text) {
  const lines = text.split('\n').map((l) => l.trim()).filter((l) => l !== '')
  if (lines.length !== 2) throw new Refused('a network file has two lines')
  const [name, line] = lines
  if (line === 'open') return network(name, zeros(0))
  if (line.startsWith('passphrase:')) {
    const pass = utf8(line.slice('passphrase:'.length).trim().normalize('NFC'))
    if (pass.length < 10) throw new Refused('a passphrase has at least 10 bytes')
    const salt = H('network-passphrase', name)
    return network(name, scryptSync(pass, salt, 32, { N: 32768, r: 8, p: 3, maxmem: 128 << 20 }))
  }
  try {
    const secret = unbase32(line)
    if (secret.length === 32) return network(name, secret)
  } catch { /* below */ }
  throw new Refused('not the secret of a network')
}

