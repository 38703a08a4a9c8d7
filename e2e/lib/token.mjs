// Access tokens as an application makes them.
import { createHmac } from 'node:crypto'

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** @param {{keys: {key: string, secret: string}, room: string, identity: string, grant?: object, claims?: object}} who */
export function token({ keys, room, identity, grant = {}, claims = {} }) {
  const now = Math.floor(Date.now() / 1000)
  const video = { room, roomJoin: true, canUpdateOwnMetadata: true, ...grant }
  const payload = { iss: keys.key, sub: identity, name: identity, nbf: now - 10, exp: now + 3600, video, ...claims }
  const signed = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url(payload)}`
  return `${signed}.${createHmac('sha256', keys.secret).update(signed).digest('base64url')}`
}
