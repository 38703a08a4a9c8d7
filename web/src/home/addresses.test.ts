import { describe, expect, it, test } from 'vitest'
import { originForOthers, phoneAddress, reachableOrigin } from './addresses'

describe('address for a phone', () => {
  it.each<[string, string[], string]>([
    ['none', [], ''],
    ['this computer only', ['http://localhost:8080', 'http://127.0.0.1:8080', 'https://[::1]:8443'], ''],
    ['secure first', ['http://192.168.1.5:8080', 'https://192.168.1.5:8443'], 'https://192.168.1.5:8443'],
    ['plain when there is no other', ['http://localhost:8080', 'http://10.0.0.2:8080'], 'http://10.0.0.2:8080'],
    ['not an address', ['nonsense'], ''],
  ])('%s', (_, addresses, want) => expect(phoneAddress(addresses)).toBe(want))
})

describe('address in links for others', () => {
  const network = ['http://localhost:8080', 'http://192.168.1.5:8080', 'https://192.168.1.5:8443/']
  it.each<[string, string, string[], string]>([
    ['opened on this computer', 'http://localhost:8080', network, 'https://192.168.1.5:8443'],
    ['opened by number', 'http://127.0.0.1:8080', network, 'https://192.168.1.5:8443'],
    ['opened by number, IPv6', 'http://[::1]:8080', network, 'https://192.168.1.5:8443'],
    ['opened on the network', 'http://192.168.1.5:8080', network, 'http://192.168.1.5:8080'],
    ['opened by a public name', 'https://tutti.example', network, 'https://tutti.example'],
    ['nothing but this computer', 'http://localhost:8080', ['http://localhost:8080'], 'http://localhost:8080'],
    ['before the server has answered', 'http://localhost:8080', [], 'http://localhost:8080'],
  ])('%s', (_, own, addresses, want) => expect(reachableOrigin(own, addresses)).toBe(want))
})

test('an address that the operator named comes before all', () => {
  expect(originForOthers('http://localhost:8080', { page: 'https://show.example.com', addresses: ['https://192.0.2.1:8443'] })).toBe('https://show.example.com')
  expect(originForOthers('http://localhost:8080', { addresses: ['https://192.0.2.1:8443'] })).toBe('https://192.0.2.1:8443')
  expect(originForOthers('https://own.example.com', undefined)).toBe('https://own.example.com')
})
