import { expect, it } from 'vitest'
import { fileNameAt } from './filename'

it('is made of the time alone', () => expect(fileNameAt(new Date(2026, 0, 2, 3, 4, 5), 'webm')).toBe('tutti-2026-01-02-03-04-05.webm'))
