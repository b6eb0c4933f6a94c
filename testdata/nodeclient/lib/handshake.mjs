// The handshake as two pure state machines: package handshake.
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { H, concat, equal, expand, extract, fields, hmac, isZero, sha256, zeros } from './bytes.mjs'
import { Refused, decode, encode, shape } from './canonical.mjs'
import { parseBundle, verify, x25519 } from './identity.mjs'
import { openMessage, sealMessage } from './seal.mjs'

export const maxMessage = 8192
export const refusal = encode([0])
const suite = 'parley/1 X25519 ML-KEM-768 HKDF-SHA-256 AES-256-CBC HMAC-SHA-256'
const padded = 1728

/** A handshake that failed; reason is the word of the vectors in testdata/handshake/refused.json. */
export class HandshakeRefused extends Refused {
  constructor(reason, cause) {
    super(cause ? `${reason}: ${cause.message}` : reason)
    this.reason = reason
  }
}

// Runs f, whose refusals are for the reason given.
function or(reason, f) {
  try {
    return f()
  } catch (err) {
    if (err instanceof HandshakeRefused) throw err
    throw new HandshakeRefused(reason, err)
  }
}

const T = (...f) => sha256(fields(...f))
const mac = (key, ...f) => hmac(key, fields(...f))
const deriv = (key, ...f) => expand(key, fields(...f), 32)
const same = (a, b) => a.length === b.length && timingSafeEqual(a, b)

const shapes = {
  1: shape.tuple(shape.uint(), shape.bin(32), shape.bin(1184), shape.bin(32), shape.bin(32)),
  2: shape.tuple(shape.uint(), shape.bin(32), shape.bin(1088), shape.bin(32), shape.bin(0, maxMessage)),
  3: shape.tuple(shape.uint(), shape.bin(0, maxMessage)),
}

// The version is looked at before anything behind it.
function parse(number, bytes) {
  if (bytes.length >= 2 && bytes[0] >> 4 === 9) {
    if (equal(bytes, refusal)) throw new HandshakeRefused('refused')
    if (bytes[1] < 128 && bytes[1] !== 1) throw new HandshakeRefused('version')
  }
  return or('message', () => shapes[number](decode(bytes)))
}

export function shares(random = randomBytes) {
  return { x25519: random(32), kem: random(64), encapsulation: random(32), random: random(32) }
}

// The part of the key schedule that both sides share once message 2 is made.
function keysOf(es, th2) {
  const side = (d) => ({
    enc: deriv(es, 'enc', d, th2), mac: deriv(es, 'mac', d, th2),
    iv: deriv(es, 'iv', d, th2).subarray(0, 16), fin: deriv(es, 'fin', d, th2),
  })
  return { R: side('R'), I: side('I') }
}

const earlySecret = (kem, x, psk) => extract(H(suite), concat(kem, x, psk))

/** The secrets of the session. */
function session(es, tokenKey, th4) {
  const ms = extract(es, tokenKey ?? zeros(32))
  const side = (d) => ({ enc: deriv(ms, 'enc', d, th4), mac: deriv(ms, 'mac', d, th4), iv: deriv(ms, 'iv', d, th4), next: deriv(ms, 'next', d, th4) })
  return { ms, th4, I: side('I'), R: side('R'), exporter: deriv(ms, 'exporter', '', th4) }
}

function proof(keys, th, kind, who, evidence) {
  const padding = zeros(Math.max(0, padded - who.length - evidence.length))
  return encode([kind, who, evidence, mac(keys.fin, th, who, evidence), padding])
}

const proofShape = shape.tuple(shape.uint(), shape.bin(0, maxMessage), shape.bin(0, maxMessage), shape.bin(32), shape.bin(0, maxMessage))

function openProof(keys, th, sealed) {
  const bytes = or('sealed', () => openMessage(keys, keys.iv, th, sealed))
  const [kind, who, evidence, confirmation, padding] = or('message', () => proofShape(decode(bytes)))
  if (!isZero(padding) || padding.length !== Math.max(0, padded - who.length - evidence.length)) throw new HandshakeRefused('message')
  if (!same(confirmation, mac(keys.fin, th, who, evidence))) throw new HandshakeRefused('confirm')
  return { bytes, kind, who, evidence }
}

// Checks a proof by signature and returns the bundle.
function bySignature(p, context, th, self) {
  const bundle = or('bundle', () => parseBundle(p.who))
  or('signature', () => verify(bundle.key, p.evidence, context, th, p.who))
  if (equal(bundle.id, self)) throw new HandshakeRefused('self')
  return bundle
}

const tokenEvidence = (key, th3, idI, idR, tokenID) => mac(deriv(key, 'bind'), th3, idI, idR, tokenID)

/**
 * The side that dialled. me is {signer, bundle}; token, if any, {id, key}; meant, if any, the ID to
 * reach. What is made on the way stays in fields of its name, for the vectors.
 */
export class Initiator {
  constructor(network, me, { token, meant, own = shares() } = {}) {
    Object.assign(this, { network, me, token, meant, own })
  }

  message1() {
    const kem = ml_kem768.keygen(this.own.kem)
    this.kemSecret = kem.secretKey
    const open = encode([1, x25519.public(this.own.x25519), Buffer.from(kem.publicKey), this.own.random, zeros(32)]).subarray(0, -34)
    this.message1Bytes = concat(open, encode(hmac(this.network.key('hello'), fields(open))))
    this.th1 = T('th', this.message1Bytes)
    return this.message1Bytes
  }

  /** Takes message 2 and returns message 3; then peer is R's bundle and result the session's secrets. */
  message3(bytes) {
    const [, share, ciphertext, , sealed] = parse(2, bytes)
    const x = or('key-share', () => x25519.shared(this.own.x25519, share))
    const kem = Buffer.from(ml_kem768.decapsulate(ciphertext, this.kemSecret))
    this.es = earlySecret(kem, x, this.network.psk)
    this.th2 = T(this.th1, bytes.subarray(0, bytes.length - encode(sealed).length))
    this.keys = keysOf(this.es, this.th2)
    const p = openProof(this.keys.R, this.th2, sealed)
    this.proofR = p.bytes
    if (p.kind !== 1) throw new HandshakeRefused('message')
    this.peer = bySignature(p, 'hs-R', this.th2, this.me.signer.id)
    if (this.meant && !equal(this.peer.id, this.meant)) throw new HandshakeRefused('other-peer', new Error('it is not the peer that was meant'))
    this.th3 = T(this.th2, sealed)
    const { signer, bundle } = this.me
    this.proofI = this.token
      ? proof(this.keys.I, this.th3, 2, this.token.id, tokenEvidence(this.token.key, this.th3, signer.id, this.peer.id, this.token.id))
      : proof(this.keys.I, this.th3, 1, bundle, signer.sign('hs-I', this.th3, bundle))
    const sealedI = sealMessage(this.keys.I, this.keys.I.iv, this.th3, this.proofI)
    this.result = session(this.es, this.token?.key, T(this.th3, sealedI))
    return encode([1, sealedI])
  }
}

/** The side that was dialled. tokens finds {key, user ID, bundle} by a token's ID. */
export class Responder {
  constructor(network, me, { tokens = () => undefined, own = shares() } = {}) {
    Object.assign(this, { network, me, tokens, own })
  }

  message2(bytes) {
    const [, share, kemKey, , tag] = parse(1, bytes)
    if (!same(tag, hmac(this.network.key('hello'), fields(bytes.subarray(0, -34))))) throw new HandshakeRefused('network-secret')
    this.th1 = T('th', bytes)
    const kem = or('key-share', () => ml_kem768.encapsulate(kemKey, this.own.encapsulation))
    const x = or('key-share', () => x25519.shared(this.own.x25519, share))
    this.es = earlySecret(Buffer.from(kem.sharedSecret), x, this.network.psk)
    const clear = encode([1, x25519.public(this.own.x25519), Buffer.from(kem.cipherText), this.own.random, zeros(0)]).subarray(0, -2)
    this.th2 = T(this.th1, clear)
    this.keys = keysOf(this.es, this.th2)
    const { signer, bundle } = this.me
    this.proofR = proof(this.keys.R, this.th2, 1, bundle, signer.sign('hs-R', this.th2, bundle))
    const sealed = sealMessage(this.keys.R, this.keys.R.iv, this.th2, this.proofR)
    this.th3 = T(this.th2, sealed)
    return concat(clear, encode(sealed))
  }

  /** Takes message 3; then peer is I's bundle and result the session's secrets. */
  finish(bytes) {
    const [, sealed] = parse(3, bytes)
    const p = openProof(this.keys.I, this.th3, sealed)
    this.proofI = p.bytes
    let key
    if (p.kind === 1) {
      this.peer = bySignature(p, 'hs-I', this.th3, this.me.signer.id)
    } else if (p.kind === 2) {
      const token = this.tokens(p.who)
      if (!token) throw new HandshakeRefused('token')
      const want = tokenEvidence(token.key, this.th3, token.user, this.me.signer.id, p.who)
      if (!same(p.evidence, want)) throw new HandshakeRefused('token')
      this.peer = token.bundle
      key = token.key
    } else throw new HandshakeRefused('message')
    this.result = session(this.es, key, T(this.th3, sealed))
  }
}
