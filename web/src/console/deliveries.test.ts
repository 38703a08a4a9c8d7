import { expect, test } from 'vitest'
import { untaken } from './deliveries'

test.each([
  ['the receiver answered 500 Internal Server Error', { why: 'answered', status: '500 Internal Server Error' }],
  ['dial tcp: the address is not a public one, and not allowed: 10.0.0.7:80', { why: 'address' }],
  ['context deadline exceeded (Client.Timeout exceeded while awaiting headers)', { why: 'slow' }],
  ['dial tcp 127.0.0.1:9: connect: connection refused', { why: 'unreachable' }],
  ['dial tcp: lookup app.example: no such host', { why: 'unreachable' }],
])('%s', (error, wanted) => expect(untaken(error)).toEqual(wanted))
