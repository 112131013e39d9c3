import { expect } from 'vitest'
import { encodeBody } from '../../../src/state/entry-body.ts'
import { loadSaved, NO_ROWS } from '../../../src/state/meta.ts'
import { type Answer, StateMachine } from '../../../src/state/state-machine.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import { type Command, encodeCommand, type Operation } from '../../../src/wire/command.ts'
import type { DataOperation } from '../../../src/wire/data-operation.ts'
import type { Check, TransactionOperation, Work } from '../../../src/wire/transaction.ts'
import { MapTable } from './fixture.ts'

export const [A, B, C] = ['a', 'b', 'c'].map((name) => name.repeat(32)) as [string, string, string]
export const LIMITS = {
  sessionsMax: 2,
  sessionResultsMax: 40,
  resultsMax: 60,
  basisWindow: 10,
  unusedMsMin: 100,
  lockPlacesMax: 4,
  placesMax: 6,
  freeLocksMax: 2
}

export const put = (key: string, text: string, ttlMs?: number): DataOperation => {
  const ttl = ttlMs === undefined ? {} : { ttlMs }
  return { type: 'put', key: utf8(key), value: utf8(text), ...ttl }
}
export const add = (key: string, by = 1): DataOperation => ({
  type: 'increment',
  key: utf8(key),
  by
})
export const drop = (key: string): DataOperation => ({ type: 'delete', key: utf8(key) })
export const touch = (key: string): DataOperation => ({ type: 'touch', key: utf8(key) })
export const revision = (key: string, is: number): Check => {
  return { type: 'revision', key: utf8(key), revision: is }
}
export const exists = (key: string, is: boolean): Check => {
  return { type: 'exists', key: utf8(key), exists: is }
}
export const works = (writes: readonly DataOperation[], checks: readonly Check[] = []): Work => {
  return { checks, writes }
}
export const create = (work: Work): Operation => ({ type: 'create', others: [2], work })
export const prepare = (work: Work): Operation => ({
  type: 'prepare',
  anchor: 2,
  anchorBasis: 0,
  work
})
export const transact = (work: Work): Operation => {
  return { type: 'transact', inOrder: false, parts: [{ group: 1, basis: 0, ...work }] }
}
export const COMMIT = { type: 'commit', term: 1, votes: [] } as const
export const ABORT: TransactionOperation = { type: 'abort', why: 'ended', basis: 0 }
export const resolve = (committed: boolean): TransactionOperation => ({
  type: 'resolve',
  committed
})
export const forget = (seq: number): TransactionOperation => {
  return { type: 'forget', transactions: [{ session: A, seq }] }
}
export const ended = (committed: boolean) => ({ type: 'ended', committed })
export const aborted = (why: string) => ({ type: 'aborted', why })

/** One group, and single commands for it. */
export class Site {
  readonly table = new MapTable()
  machine: StateMachine
  time = 1_000

  constructor() {
    this.machine = this.#open()
  }

  /** In an entry of its own; what it answers. */
  run(seq: number, operation: Operation, more: Partial<Command> = {}): Answer {
    const index = this.machine.applied.index + 1
    const numbers = { session: A, seq, ackedUpTo: 0, basis: index - 1 }
    const bytes = encodeCommand({ ...numbers, operation, ...more })
    return this.machine.apply(index, 1, encodeBody(this.time, [bytes]))[0] as Answer
  }

  /** The same, of what ran. */
  result(seq: number, operation: Operation, more: Partial<Command> = {}): unknown {
    const answer = this.run(seq, operation, more)
    return answer.type === 'result' ? answer.result : answer
  }

  text(key: string): string | undefined {
    const record = this.machine.read(utf8(key))
    return record === undefined ? undefined : utf8Text(record.value)
  }

  get left(): readonly [parts: number, records: number] {
    const { parts, records } = this.machine.transactions.counts
    return [parts, records]
  }

  outcome(seq: number): unknown {
    return this.machine.transactions.outcome({ session: A, seq })
  }

  restart(): void {
    const digest = this.machine.digest()
    this.machine.prepareFlush()
    this.machine = this.#open()
    expect(this.machine.digest()).toBe(digest)
  }

  skip(entries: number): void {
    for (let i = 0; i < entries; i++) this.machine.skip(this.machine.applied.index + 1, 1)
  }

  #open(): StateMachine {
    const isNew = this.table.records.size === 0
    const saved = isNew ? loadSaved(undefined, NO_ROWS) : this.table.saved(true)
    return new StateMachine({ group: 1, table: this.table, limits: LIMITS }, saved)
  }
}
