import { expect, test } from 'vitest'
import { reasonOf } from './reason'

test.each([
  ['connecting: the address is not a public one, and not allowed: 10.0.0.7:1935', { reason: 'address' }],
  ['connecting: dial tcp 203.0.113.7:1935: connect: connection refused', { reason: 'unreachable' }],
  ['connecting over TLS: x509: certificate has expired', { reason: 'unreachable' }],
  ['the server refuses: NetStream.Publish.BadName no stream of that name', { reason: 'refused', code: 'NetStream.Publish.BadName' }],
  ['the server refuses: go away', { reason: 'refused' }],
  ['the server refuses: 401 Unauthorized', { reason: 'refused', code: '401' }],
  ['the picture has B-frames, which WebRTC cannot show', { reason: 'bframes' }],
  ['the connection ends: EOF', { reason: 'broken' }],
])('%s', (error, reason) => {
  expect(reasonOf(error)).toEqual(reason)
})
