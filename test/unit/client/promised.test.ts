import { expect, test } from 'vitest'
import { promised } from '../../../src/client/promised.ts'
import { failure } from '../../../src/wire/failure.ts'

test('goal: an end that comes before the call returns is heard, signal or not', async () => {
  for (const signal of [undefined, new AbortController().signal]) {
    const good = promised<{ readonly ok: true }>(signal, (done) => {
      done({ ok: true })
      return () => {}
    })
    expect(await good).toEqual({ ok: true })
    const refused = promised(signal, (done) => {
      done({ ok: false, failure: failure('closed', 'this client was closed') })
      return () => {}
    })
    await expect(refused).rejects.toMatchObject({ code: 'closed' })
  }
})
