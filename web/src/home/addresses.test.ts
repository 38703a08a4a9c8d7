import { describe, expect, it } from 'vitest'
import { phoneAddress } from './addresses'

describe('address for a phone', () => {
  it.each<[string, string[], string]>([
    ['none', [], ''],
    ['this computer only', ['http://localhost:8080', 'http://127.0.0.1:8080', 'https://[::1]:8443'], ''],
    ['secure first', ['http://192.168.1.5:8080', 'https://192.168.1.5:8443'], 'https://192.168.1.5:8443'],
    ['plain when there is no other', ['http://localhost:8080', 'http://10.0.0.2:8080'], 'http://10.0.0.2:8080'],
    ['not an address', ['nonsense'], ''],
  ])('%s', (_, addresses, want) => expect(phoneAddress(addresses)).toBe(want))
})
