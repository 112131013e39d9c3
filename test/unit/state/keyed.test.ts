import { describe, expect, test } from 'vitest'
import { utf8 } from '../../../src/wire/bytes.ts'
import type { Operation } from '../../../src/wire/command.ts'
import type { Keyed } from '../../../src/wire/once.ts'
import type { Work } from '../../../src/wire/transaction.ts'
import { A, ABORT, aborted, add, B, COMMIT, forget, put, Site, works } from './transaction-site.ts'

// Goal: in the group of its idempotency key a transaction happens once, whoever asks for it, and
// what it answered is told to all others, until the key may be forgotten.

const MINUTE_MS = 60_000

const keyed = (site: Site, more: { digest?: number; shown?: string } = {}): { keyed: Keyed } => {
  const { digest = 1, shown = 'shown' } = more
  const once = {
    key: utf8('key'),
    digest: new Uint8Array(32).fill(digest),
    notAfter: site.time + MINUTE_MS
  }
  return { keyed: { once, shown: utf8(shown) } }
}
const create = (site: Site, work: Work, more = {}): Operation => {
  return { type: 'create', others: [2], work, ...keyed(site, more) }
}
const transact = (site: Site, work: Work, more = {}): Operation => {
  return {
    type: 'transact',
    inOrder: false,
    parts: [{ group: 1, basis: 0, ...work }],
    ...keyed(site, more)
  }
}
const counted = (value: number, revision: number) => ({ type: 'counted', value, revision })
const OTHERS = { group: 2, applied: 9, results: [{ type: 'written', revision: 4 }] } as const
const commit = { ...COMMIT, votes: [OTHERS] }
/** Nothing of it is done here: the key's group has no other part in it. */
const IDLE = works([])

const known = (seq: number, votes: unknown, shown = 'shown') => ({
  type: 'known',
  session: A,
  seq,
  votes,
  shown: utf8(shown)
})

describe('in one step', () => {
  test('a repeat of another session has the first answer, and changes nothing', () => {
    const on = new Site()
    const votes = [{ group: 1, applied: 1, results: [counted(1, 1)] }]
    expect(on.result(1, transact(on, works([add('n')])))).toEqual({ type: 'transacted', votes })
    expect(on.result(1, transact(on, works([add('n')])), { session: B })).toEqual(known(1, votes))
    on.restart()
    expect(on.result(2, transact(on, works([add('n')])), { session: B })).toEqual(known(1, votes))
    expect(on.text('n')).toBe('1')
  })

  test('its copy, too: under this number it never runs', () => {
    const on = new Site()
    on.run(1, transact(on, works([add('n')])))
    on.run(1, transact(on, works([add('n')])), { session: B })
    expect(on.result(1, transact(on, works([add('n')])), { session: B })).toEqual(aborted('ended'))
  })

  test('an answer without a write is kept like any other', () => {
    const on = new Site()
    const votes = [{ group: 1, applied: 1, results: [] }]
    expect(on.result(1, transact(on, IDLE))).toEqual({ type: 'transacted', votes })
    expect(on.result(2, create(on, works([add('n')]), { shown: 'x' }))).toEqual(known(1, votes))
    expect([on.text('n'), on.left]).toEqual([undefined, [0, 0]])
  })

  test('another request under the key is refused', () => {
    const on = new Site()
    on.run(1, transact(on, works([add('n')])))
    const reused = { type: 'not-run', why: 'reused' }
    expect(on.result(2, transact(on, works([add('n')]), { digest: 2 }))).toEqual(reused)
    expect(on.result(3, create(on, works([add('n')]), { digest: 2 }))).toEqual(reused)
    const { once } = keyed(on, { digest: 2 }).keyed
    expect(on.result(4, { type: 'claim', once })).toEqual(reused)
    expect(on.result(5, { type: 'once', once, operation: add('n') as never })).toEqual(reused)
    expect(on.text('n')).toBe('1')
  })

  test('one that came to nothing takes the key and leaves the repeat free', () => {
    const on = new Site()
    on.run(1, { ...put('n', 'text') })
    expect(on.result(2, transact(on, works([add('n')])))).toEqual(aborted('not_a_number'))
    on.run(3, { ...put('n', '4') })
    expect(on.result(4, transact(on, works([add('n')])))).toMatchObject({ type: 'transacted' })
    expect(on.text('n')).toBe('5')
  })
})

describe('in several groups', () => {
  test('a repeat waits while it runs, and then has its answer, with the votes of all', () => {
    const on = new Site()
    expect(on.result(1, create(on, works([add('n')])))).toMatchObject({ type: 'prepared' })
    const again = { session: B }
    expect(on.result(1, create(on, works([add('n')])), again)).toEqual(aborted('blocked'))
    expect(on.run(2, transact(on, IDLE), again)).toMatchObject({ type: 'blocked', by: { seq: 1 } })
    on.restart()
    expect(on.result(3, create(on, IDLE), again)).toEqual(aborted('blocked'))
    on.run(1, commit)
    const votes = [{ group: 1, applied: 1, results: [counted(1, 1)] }, OTHERS]
    expect(on.result(4, create(on, works([add('n')])), again)).toEqual(known(1, votes))
    on.run(1, forget(1))
    on.restart()
    expect(on.result(5, create(on, works([add('n')])), again)).toEqual(known(1, votes))
    expect(on.result(6, { type: 'claim', once: keyed(on).keyed.once })).toEqual(known(1, votes))
    expect([on.text('n'), on.left]).toEqual(['1', [0, 0]])
  })

  test('the group of the key may have no work of its own', () => {
    const on = new Site()
    on.run(1, create(on, IDLE))
    on.restart()
    on.run(1, commit)
    const votes = [{ group: 1, applied: 1, results: [] }, OTHERS]
    expect(on.result(2, create(on, IDLE))).toEqual(known(1, votes))
  })

  test('an abort lets the repeat run', () => {
    const on = new Site()
    on.run(1, create(on, works([add('n')])))
    on.restart()
    on.run(1, ABORT)
    expect(on.result(2, create(on, works([add('n')])))).toMatchObject({ type: 'prepared' })
    on.run(2, commit)
    expect(on.text('n')).toBe('1')
  })

  test('a refusal by the key is remembered: a later copy is not placed', () => {
    const on = new Site()
    const late = create(on, works([add('n')]))
    on.time += MINUTE_MS + 1
    expect(on.result(1, late)).toEqual({ type: 'not-run', why: 'late' })
    on.time -= MINUTE_MS
    expect(on.result(1, late)).toEqual({ type: 'not-run', why: 'late' })
    expect([on.outcome(1), on.left]).toEqual([{ type: 'ended', committed: false }, [0, 0]])
  })
})

describe('what is kept is bounded', () => {
  test('a key is forgotten after its time, and a request of before does not run', () => {
    const on = new Site()
    const first = create(on, works([add('n')]))
    on.run(1, first)
    on.run(1, commit)
    on.time += 12 * MINUTE_MS
    expect(on.result(2, first)).toMatchObject({ type: 'known' })
    on.time += 1
    expect(on.result(3, first)).toEqual({ type: 'not-run', why: 'late' })
    expect(on.result(4, create(on, works([add('n')])))).toMatchObject({ type: 'prepared' })
  })

  test('a decision after that leaves nothing', () => {
    const on = new Site()
    on.run(1, create(on, works([add('n')])))
    on.time += 12 * MINUTE_MS + 1
    on.run(2, { type: 'tick' })
    on.run(1, commit)
    expect([on.text('n'), on.machine.repeatCount]).toEqual(['1', 0])
    on.restart()
  })

  test('answers beyond 64 MiB are refused, and freed by aborts', () => {
    const on = new Site()
    const shown = 'x'.repeat(7 * 1024 * 1024)
    const under = (seq: number): Operation => {
      const { keyed: one } = keyed(on, { shown })
      const once = { ...one.once, key: utf8(`key ${seq}`) }
      const work = works([put(`k${seq}`, '')])
      return { type: 'create', others: [2], work, keyed: { ...one, once } }
    }
    for (let seq = 1; seq <= 9; seq++) {
      expect(on.result(seq, under(seq))).toMatchObject({ type: 'prepared' })
    }
    expect(on.result(10, under(10))).toEqual({ type: 'not-run', why: 'full' })
    on.restart()
    on.run(3, ABORT)
    expect(on.result(11, under(11))).toMatchObject({ type: 'prepared' })
  })
})
