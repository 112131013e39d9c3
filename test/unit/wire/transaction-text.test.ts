import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LOG_NUMBER_MAX } from '../../../src/wire/limits.ts'
import { transactionOf, transactionText } from '../../../src/wire/transaction-text.ts'

const SESSION = '000102030405060708090a0b0c0d0e0f'

test('goal: every name of a transaction has one text, and is read back from it', () => {
  const ref = fc.record({
    session: fc.stringMatching(/^[0-9a-f]{32}$/),
    seq: fc.integer({ min: 1, max: LOG_NUMBER_MAX }),
    anchor: fc.integer({ min: 1, max: 0xffff_ffff })
  })
  fc.assert(
    fc.property(ref, (one) => {
      expect(transactionOf(transactionText(one))).toEqual(one)
    })
  )
  expect(transactionText({ session: SESSION, seq: 7, anchor: 3 })).toBe(`${SESSION}-7-3`)
})

test.each([
  '',
  SESSION,
  `${SESSION}-7`,
  `${SESSION}-7-`,
  `${SESSION}-7-3-1`,
  `${SESSION}-07-3`,
  `${SESSION}-0-3`,
  `${SESSION}-7-0`,
  `${SESSION}-7-03`,
  `${SESSION}--7-3`,
  `${SESSION}-7-4294967296`,
  `${SESSION}-4503599627370497-3`,
  `${SESSION}-99999999999999999-3`,
  `${SESSION}-7-3\n`,
  ` ${SESSION}-7-3`,
  `${SESSION.toUpperCase()}-7-3`,
  `${SESSION.slice(1)}-7-3`,
  `${SESSION}0-7-3`,
  `${SESSION}-7.0-3`,
  `${SESSION}-1e3-3`
])('goal: %j is none', (text) => {
  expect(transactionOf(text)).toBeUndefined()
})
