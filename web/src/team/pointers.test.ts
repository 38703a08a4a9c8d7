import { expect, it } from 'vitest'
import { readPointer } from './pointers.svelte'

const read = (text: string) => readPointer(new TextEncoder().encode(text))

it('reads where somebody points', () => expect(read('{"sid":"TR_a","x":0.5,"y":1}')).toEqual({ sid: 'TR_a', x: 0.5, y: 1 }))

it.each(['', '{', '[]', 'null', '{"sid":1,"x":0,"y":0}', '{"sid":"a","x":2,"y":0}', '{"sid":"a","x":"0","y":0}', `{"sid":"${'a'.repeat(200)}","x":0,"y":0}`])(
  'passes over %s', (text) => expect(read(text)).toBeUndefined(),
)
