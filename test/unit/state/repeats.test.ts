import { expect, test } from 'vitest'
import { encodeBody } from '../../../src/state/entry-body.ts'
import { loadSaved, NO_ROWS } from '../../../src/state/meta.ts'
import { REPEAT_LIMITS, type RepeatLimits } from '../../../src/state/repeats.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { TableCheck } from '../../../src/state/table-check.ts'
import { Malformed, utf8 } from '../../../src/wire/bytes.ts'
import { encodeCommand, type Operation } from '../../../src/wire/command.ts'
import type { DataOperation } from '../../../src/wire/data-operation.ts'
import type { Once } from '../../../src/wire/once.ts'
import type { Result } from '../../../src/wire/result.ts'
import { MapTable, SESSION } from './fixture.ts'

// Goal: what bears an idempotency key runs once and is answered alike afterwards, another request
// under the key is refused, nothing is forgotten early, all is forgotten in the end, and the memory
// is bounded.

const START = 1_000_000
const MINUTE = 60_000

class Stage {
  table = new MapTable()
  machine: StateMachine
  time = START
  readonly #limits: Partial<RepeatLimits>
  #seq = 0

  constructor(limits: Partial<RepeatLimits> = {}) {
    this.#limits = limits
    this.machine = this.#open()
  }

  #open(): StateMachine {
    const saved = loadSaved(this.table.get(Uint8Array.of(0x6d)), {
      ...NO_ROWS,
      sessions: [...this.#sessions()]
    })
    return new StateMachine({ group: 1, table: this.table, limits: this.#limits }, saved)
  }

  *#sessions(): Iterable<readonly [Uint8Array, Uint8Array]> {
    for (const record of this.table.records.values()) if (record[0][0] === 0x73) yield record
  }

  restart(): void {
    const before = this.machine.digest()
    this.machine.prepareFlush()
    this.table = this.table.copy()
    this.machine = this.#open()
    expect(this.machine.digest()).toBe(before)
  }

  run(...operations: readonly Operation[]): Result[] {
    const { index } = this.machine.applied
    const commands = operations.map((operation) => {
      const seq = ++this.#seq
      return encodeCommand({ session: SESSION, seq, ackedUpTo: 0, basis: index, operation })
    })
    const answers = this.machine.apply(index + 1, 1, encodeBody(this.time, commands))
    return answers.map((answer) => {
      if (answer.type !== 'result') throw new Error(answer.type)
      return answer.result
    })
  }

  /** A request under `key` that adds one to `n`; `digest` stands for what is asked. */
  count(key: string, digest = 1, lifeMs = MINUTE): Result | undefined {
    return this.run(this.counting(key, digest, lifeMs))[0]
  }

  counting(key: string, digest = 1, lifeMs = MINUTE): Operation {
    const operation: DataOperation = { type: 'increment', key: utf8('n'), by: 1 }
    return { type: 'once', once: this.once(key, digest, lifeMs), operation }
  }

  claim(key: string, digest = 1, lifeMs = MINUTE): Result | undefined {
    return this.run({ type: 'claim', once: this.once(key, digest, lifeMs) })[0]
  }

  once(key: string, digest: number, lifeMs: number): Once {
    const notAfter = this.time + lifeMs
    return { key: utf8(key), digest: new Uint8Array(32).fill(digest), notAfter }
  }

  get n(): string | undefined {
    const record = this.machine.read(utf8('n'))
    return record === undefined ? undefined : new TextDecoder().decode(record.value)
  }
}

const REUSED = { type: 'not-run', why: 'reused' }
const LATE = { type: 'not-run', why: 'late' }
const FULL = { type: 'not-run', why: 'full' }

test('a repeat is answered with the first result and does not run, restarts or not', () => {
  const on = new Stage()
  const first = on.count('a')
  expect(first).toEqual({ type: 'counted', value: 1, revision: 1 })
  on.time += 5 * MINUTE
  expect(on.count('a')).toEqual(first)
  on.restart()
  expect(on.count('a')).toEqual(first)
  expect(on.count('b')).toMatchObject({ type: 'counted', value: 2 })
  expect(on.n).toBe('2')
})

test('a failed condition is a result, too', () => {
  const on = new Stage()
  const create = (key: string): Operation => ({
    type: 'once',
    once: on.once(key, 1, MINUTE),
    operation: { type: 'put', key: utf8('n'), value: utf8('x'), ifRevision: 0 }
  })
  expect(on.run(create('a'), create('b'), create('a'), create('b'))).toEqual([
    { type: 'written', revision: 1 },
    { type: 'conflict', revision: 1 },
    { type: 'written', revision: 1 },
    { type: 'conflict', revision: 1 }
  ])
  on.run({ type: 'delete', key: utf8('n') })
  expect(on.run(create('b'))).toEqual([{ type: 'conflict', revision: 1 }])
})

test('another request under the key is refused, and prolongs nothing', () => {
  const on = new Stage()
  on.count('a')
  expect(on.count('a', 2)).toEqual(REUSED)
  expect(on.claim('a', 2)).toEqual(REUSED)
  on.time += 12 * MINUTE
  expect(on.count('a', 2)).toEqual(REUSED)
  on.time += 1
  expect(on.count('a', 2)).toMatchObject({ type: 'counted', value: 2 })
})

test('a claim takes the key for one request, and leaves it to that one to run', () => {
  const on = new Stage()
  expect(on.claim('a')).toEqual({ type: 'done' })
  expect(on.claim('a')).toEqual({ type: 'done' })
  expect(on.claim('a', 2)).toEqual(REUSED)
  expect(on.count('a', 2)).toEqual(REUSED)
  expect(on.n).toBeUndefined()
  const first = on.count('a')
  expect(first).toMatchObject({ type: 'counted', value: 1 })
  expect(on.claim('a')).toEqual({ type: 'done' })
  expect(on.count('a')).toEqual(first)
  expect(on.machine.repeatCount).toBe(1)
})

test('it is known for ten minutes and more after each repeat, and then no longer', () => {
  const on = new Stage()
  const first = on.count('a')
  for (let i = 0; i < 5; i++) {
    on.time += 12 * MINUTE
    expect(on.count('a')).toEqual(first)
  }
  on.time += 12 * MINUTE + 1
  expect(on.count('a')).toMatchObject({ type: 'counted', value: 2 })
})

test('what comes late does not run, known or not, and no sooner than it may be known', () => {
  const on = new Stage()
  const late = on.counting('a')
  const other = on.counting('b')
  const first = on.run(late)
  on.time += MINUTE
  expect(on.run(other)).toMatchObject([{ type: 'counted', value: 2 }])
  on.time += 1
  expect(on.run(on.counting('c', 1, -1), { type: 'claim', once: on.once('c', 1, -1) })).toEqual([
    LATE,
    LATE
  ])
  expect(on.run(late)).toEqual(first)
  on.time += 30 * MINUTE
  expect(on.run(late, other)).toEqual([LATE, LATE])
  expect(on.n).toBe('2')
})

test('a claim that was made does not let the request run after its time', () => {
  const on = new Stage()
  on.claim('a')
  expect(on.count('a', 1, -1)).toEqual(LATE)
  expect(on.n).toBeUndefined()
})

test('a request whose time is too far ahead is refused, and prolongs nothing', () => {
  const on = new Stage()
  const { aheadMsMax } = REPEAT_LIMITS
  expect(on.count('a', 1, aheadMsMax + 1)).toEqual({ type: 'not-run', why: 'early' })
  expect(on.claim('a', 1, aheadMsMax + 1)).toEqual({ type: 'not-run', why: 'early' })
  const first = on.count('a', 1, aheadMsMax)
  expect(on.count('a', 1, 2 ** 50)).toEqual(first)
  expect(on.claim('a', 1, 2 ** 50)).toEqual({ type: 'not-run', why: 'early' })
  on.time += aheadMsMax + 11 * MINUTE + 1
  expect(on.count('a')).toMatchObject({ type: 'counted', value: 2 })
})

test('when the memory is full new keys are refused and known ones answered', () => {
  const on = new Stage({ repeatsMax: 3 })
  const first = on.count('a')
  on.claim('b')
  on.count('c')
  expect([on.count('d'), on.claim('d')]).toEqual([FULL, FULL])
  expect(on.count('a')).toEqual(first)
  expect(on.count('b')).toMatchObject({ type: 'counted' })
  on.time += 12 * MINUTE + 1
  on.run({ type: 'tick' })
  expect(on.machine.repeatCount).toBe(0)
  expect(on.count('d')).toMatchObject({ type: 'counted' })
})

test('all is forgotten in the end, some at a time, and nothing of it stays in the table', () => {
  const on = new Stage()
  const empty = (): number =>
    [...on.table.records.keys()].filter((at) => /^(69|71.)/.test(at)).length
  on.run(...Array.from({ length: 100 }, (_, i) => on.counting(`k${i}`)))
  on.time += 6 * MINUTE
  on.run(on.counting('k0'), on.counting('k50'))
  expect(empty()).toBe(200)
  on.time += 6 * MINUTE + 1
  const counts = [on.machine.repeatCount]
  for (let i = 0; i < 20; i++) {
    on.run({ type: 'tick' })
    if (i % 5 === 0) on.restart()
    counts.push(on.machine.repeatCount)
  }
  expect(counts[1]).toBeGreaterThan(80)
  expect(counts.at(-1)).toBe(2)
  on.time += 6 * MINUTE + 1
  on.run({ type: 'tick' })
  expect(on.machine.repeatCount).toBe(0)
  expect(empty()).toBe(0)
})

test('a flood of new keys frees the room it needs', () => {
  const on = new Stage({ repeatsMax: 500 })
  on.run(...Array.from({ length: 500 }, (_, i) => on.counting(`old${i}`)))
  on.time += 12 * MINUTE + 1
  const results = on.run(...Array.from({ length: 500 }, (_, i) => on.counting(`new${i}`)))
  expect(results.filter(({ type }) => type !== 'counted')).toEqual([])
  expect(on.machine.repeatCount).toBeLessThanOrEqual(500)
})

test('a key whose time is over and that was not forgotten yet is free', () => {
  const on = new Stage()
  on.run(...Array.from({ length: 40 }, (_, i) => on.counting(`k${i}`)))
  on.time += 12 * MINUTE + 1
  expect(on.count('k39', 2)).toMatchObject({ type: 'counted', value: 41 })
  for (let i = 0; i < 10; i++) on.run({ type: 'tick' })
  expect(on.machine.repeatCount).toBe(1)
  expect(on.count('k39', 2)).toMatchObject({ type: 'counted', value: 41 })
})

test('a lost or changed record is found before it is used', () => {
  const on = new Stage()
  on.run(on.counting('a'), on.counting('b'))
  on.machine.prepareFlush()
  const whole = [...on.table.records.values()]
  const add = (records: typeof whole): TableCheck => {
    const check = new TableCheck()
    for (const [at, record] of records) check.add(at, record)
    return check
  }
  expect(add(whole).finish().counter).toBe(2)
  for (const [i, [at, record]] of whole.entries()) {
    if (at[0] !== 0x69 && at[0] !== 0x71) continue
    expect(() => add(whole.toSpliced(i, 1)).finish()).toThrow(Malformed)
    const flipped = record.slice()
    flipped[0] = (flipped[0] as number) ^ 1
    expect(() => add(whole.toSpliced(i, 1, [at, flipped])).finish()).toThrow(Malformed)
  }
})

test('the system group knows no idempotency keys', () => {
  const table = new MapTable()
  const machine = new StateMachine({ group: 0, table }, loadSaved(undefined, NO_ROWS))
  const stage = new Stage()
  const operation = stage.counting('a')
  const command = { session: SESSION, seq: 1, ackedUpTo: 0, basis: 0, operation }
  const body = encodeBody(START, [encodeCommand(command)])
  expect(machine.apply(1, 1, body)).toMatchObject([{ result: { type: 'refused' } }])
  expect(machine.repeatCount).toBe(0)
})
