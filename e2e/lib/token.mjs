// Access tokens as an application makes them, with the keys of a server that runs with --dev.
import { createHmac } from 'node:crypto'

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** @param {{room: string, identity: string, grant?: object, claims?: object}} who */
export function token({ room, identity, grant = {}, claims = {} }) {
  const now = Math.floor(Date.now() / 1000)
  const video = { room, roomJoin: true, canUpdateOwnMetadata: true, ...grant }
  const payload = { iss: 'devkey', sub: identity, name: identity, nbf: now - 10, exp: now + 3600, video, ...claims }
  const signed = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url(payload)}`
  return `${signed}.${createHmac('sha256', 'secret').update(signed).digest('base64url')}`
}
