// The families of vectors in testdata/ that this implementation knows, as
// {FOLDER/FILE: check(vectors, each)}; each(name, claim) runs one vector.
import * as beacons from './beacons.mjs'
import * as frames from './frames.mjs'
import * as handshake from './handshake.mjs'
import * as identity from './identity.mjs'
import * as rooms from './rooms.mjs'
import * as seal from './seal.mjs'
import * as session from './session.mjs'

// In the order in which the specification is read.
export const families = {
  ...seal.families, ...frames.families, ...identity.families, ...handshake.families, ...session.families,
  ...rooms.families, ...beacons.families,
}
