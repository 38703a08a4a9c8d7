import { expect, it } from 'vitest'
import { csv } from './csv'

it('writes a table that spreadsheets read as it is meant', () => {
  expect(csv([['Name', 'Seconds'], ['王小明', 5], ['a,"b"\nc', 0], ['=1+1', 1], ['-x', 2]])).toBe(
    '\uFEFFName,Seconds\r\n王小明,5\r\n"a,""b""\nc",0\r\n\'=1+1,1\r\n\'-x,2\r\n',
  )
})
