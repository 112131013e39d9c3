import type { Shell } from '../../../src/client/course.ts'
import type { CallOperation, CallOutcome } from '../../../src/client/inputs.ts'
import { holds, nameOfKey } from '../../../src/client/steps.ts'
import { Turns } from '../../../src/client/turns.ts'
import { type Life, World } from '../../../src/simulation/world.ts'
import { canonicalInteger } from '../../../src/state/keys.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import type { DataOperation } from '../../../src/wire/data-operation.ts'
import { failure } from '../../../src/wire/failure.ts'
import type { ReadRecord } from '../../../src/wire/read-body.ts'
import type { AbortReason, KeyResult } from '../../../src/wire/result.ts'
import type { TransactionRef } from '../../../src/wire/transaction.ts'
import type { Random } from '../../../src/world/random.ts'
import { ModelLocks } from './model-locks.ts'

export type Table = ReadonlyMap<string, ReadRecord>
type Transact = Extract<CallOperation, { kind: 'transact' }>

/** A state of the store, from `since` on. */
export interface Version {
  readonly since: number
  readonly table: Table
  /** Of the transaction that made it. */
  readonly id: TransactionRef | undefined
}

/** What may happen to calls, in percent. */
export interface Troubles {
  readonly abort: number
  readonly unknown: number
  readonly fail: number
}

const GROUP = 1
const ABORTS: readonly AbortReason[] = ['blocked', 'ended', 'overloaded']

/**
 * What stands behind the calls of transactions, with everything in one group: each call takes
 * effect at one moment of virtual time between its beginning and its answer. All states are kept.
 */
export class ModelStore implements Shell {
  readonly world: World
  readonly random: Random
  readonly life: Life
  readonly clock: Shell['clock']
  readonly timers: Shell['timers']
  readonly turns = new Turns()
  readonly locks = new ModelLocks(() => this.world.now)
  readonly versions: Version[] = [{ since: 0, table: new Map(), id: undefined }]
  readonly operations: CallOperation[] = []
  readonly timeouts: number[] = []
  troubles: Troubles = { abort: 0, unknown: 0, fail: 0 }
  /** Nothing is answered, only what is given up. */
  silent = false
  /** A call takes each way at most so many ms. */
  wayMs = 5
  /** Calls that get no answer, though they take effect. */
  isLost: (operation: CallOperation) => boolean = () => false
  /** Called before each call takes effect. */
  onEffect: (operation: CallOperation) => void = () => {}
  /** Whether absent keys come with what is known of their neighbours. */
  tellsQuiet = true
  #createdAt = 0
  #applied = 1
  #revision = 0
  #seq = 0
  #nextExpiry = 0
  readonly #chance: Random
  /** Goes on while the client is paused. */
  readonly #server: Life

  constructor(seed: string) {
    this.world = new World(seed)
    this.#server = this.world.life('store')
    this.life = this.world.life('client')
    this.clock = this.life.clock
    this.timers = this.life.timers
    this.random = this.world.random.fork('client')
    this.#chance = this.world.random.fork('store')
  }

  get table(): Table {
    return (this.versions.at(-1) as Version).table
  }

  get transactions(): readonly Transact[] {
    return this.operations.filter((operation) => operation.kind === 'transact')
  }

  run(ms: number): void {
    this.world.runUntil(this.world.now + ms)
  }

  text(key: string): string | undefined {
    const record = this.table.get(nameOfKey(utf8(key)))
    return record === undefined ? undefined : new TextDecoder().decode(record.value)
  }

  /** As another client would, now. */
  write(...writes: readonly DataOperation[]): void {
    this.#commit({ kind: 'transact', checks: [], writes, inOrder: false }, undefined)
  }

  call: Shell['call'] = (operation, { timeoutMs }, done) => {
    this.operations.push(operation)
    this.timeouts.push(timeoutMs)
    let isOver = false
    let isSent = false
    const end = (outcome: CallOutcome): void => {
      if (isOver) return
      isOver = true
      stopTimer()
      done(outcome)
    }
    const ref = { session: 'a'.repeat(32), seq: ++this.#seq, anchor: GROUP }
    const late = (): void => end(lost(operation, ref, isSent))
    const stopTimer = this.life.timers.after(timeoutMs, late)
    if (!this.silent) {
      this.#onItsWay(this.#server, () => {
        isSent = true
        this.onEffect(operation)
        if (operation.kind === 'await-grant') {
          this.#await(operation, end)
          return
        }
        const outcome = this.#serve(operation, ref)
        if (outcome === undefined) this.#later(late)
        else if (!this.isLost(operation)) this.#later(() => end(outcome))
      })
    }
    return late
  }

  #await(
    place: Extract<CallOperation, { kind: 'await-grant' }>,
    end: (outcome: CallOutcome) => void
  ): void {
    this.locks.awaitGrant(place, (result) => {
      const where = { group: GROUP, applied: this.#applied }
      if (!this.isLost(place)) {
        this.#later(() => end({ ok: true, kind: 'await-grant', result, ...where }))
      }
    })
  }

  #expireInTime(): void {
    const { nextEnd } = this.locks
    if (nextEnd === this.#nextExpiry || !Number.isFinite(nextEnd)) return
    this.#nextExpiry = nextEnd
    this.world.schedule(this.#server, Math.max(0, nextEnd - this.world.now), 'expiry', () => {
      this.locks.expire()
      this.#expireInTime()
    })
  }

  #later(run: () => void): void {
    this.#onItsWay(this.life, run)
  }

  #onItsWay(to: Life, run: () => void): void {
    this.world.schedule(to, this.#chance.below(this.wayMs * 10) / 10, 'store', run)
  }

  #happens(percent: number): boolean {
    return percent > 0 && this.#chance.below(100) < percent
  }

  /** Undefined: nobody will know what became of it. */
  #serve(operation: CallOperation, id: TransactionRef): CallOutcome | undefined {
    if (this.#happens(this.troubles.fail)) {
      return { ok: false, failure: failure('unavailable', 'no leader') }
    }
    const group = GROUP
    if (operation.kind === 'get') {
      const record = this.table.get(nameOfKey(operation.key))
      const quiet = record === undefined && this.tellsQuiet ? { quietSince: this.#createdAt } : {}
      const applied = this.#applied
      return { ok: true, kind: 'get', record, group, applied, stalenessMs: 0, ...quiet }
    }
    if (operation.kind === 'lock') {
      const result = this.locks.apply(operation.operation)
      this.#expireInTime()
      return { ok: true, kind: 'lock', result, group, applied: ++this.#applied }
    }
    if (operation.kind !== 'transact') throw new Error(`nobody calls ${operation.kind} here`)
    const isUnknown = this.#happens(this.troubles.unknown)
    if (isUnknown && this.#happens(50)) return undefined
    const decision = this.#decide(operation, id)
    if (isUnknown) return undefined
    return { ok: true, kind: 'transact', id, decision, groups: [{ group, applied: this.#applied }] }
  }

  #decide(
    operation: Transact,
    id: TransactionRef
  ): Extract<CallOutcome, { kind: 'transact' }>['decision'] {
    if (this.#happens(this.troubles.abort)) {
      return { type: 'aborted', why: ABORTS[this.#chance.below(ABORTS.length)] as AbortReason }
    }
    for (const check of operation.checks) {
      if (check.type === 'lock') {
        if (!this.locks.holds(check)) return { type: 'aborted', why: 'fenced' }
        continue
      }
      if (!holds(check, this.table.get(nameOfKey(check.key)))) {
        return { type: 'aborted', why: 'moved' }
      }
    }
    const results = this.#commit(operation, id)
    if (results === undefined) return { type: 'aborted', why: 'not_a_number' }
    return { type: 'committed', results }
  }

  #commit({ writes }: Transact, id: TransactionRef | undefined): readonly KeyResult[] | undefined {
    const applied = ++this.#applied
    const ran = runWrites(this.table, writes, () => ++this.#revision)
    if (ran === undefined) return undefined
    for (const key of ran.table.keys()) if (!this.table.has(key)) this.#createdAt = applied
    // A key that was made and deleted again was made all the same.
    if (ran.created) this.#createdAt = applied
    if (writes.length > 0) this.versions.push({ since: this.world.now, table: ran.table, id })
    return ran.results
  }
}

function lost(operation: CallOperation, id: TransactionRef, isSent: boolean): CallOutcome {
  const isRead = operation.kind === 'get' || operation.kind === 'await-grant'
  if (isRead) return { ok: false, failure: failure('timeout', 'no answer') }
  if (!isSent) return { ok: false, failure: failure('unavailable', 'it did not leave') }
  const unknown = failure('unknown_outcome', 'no answer', 'unknown')
  return { ok: false, failure: unknown, ...(operation.kind === 'transact' ? { id } : {}) }
}

export interface Ran {
  readonly table: Table
  readonly results: readonly KeyResult[]
  /** Whether any key was made, if only for a moment. */
  readonly created: boolean
}

/** What `writes` do to a table, one after another; undefined: one of them counts what is none. */
export function runWrites(
  before: Table,
  writes: readonly DataOperation[],
  nextRevision: () => number
): Ran | undefined {
  const table = new Map(before)
  const results: KeyResult[] = []
  let created = false
  for (const write of writes) {
    const key = nameOfKey(write.key)
    const found = table.get(key)
    if (write.type === 'delete') {
      results.push(
        table.delete(key) ? { type: 'deleted', revision: nextRevision() } : { type: 'absent' }
      )
      continue
    }
    created ||= found === undefined
    if (write.type === 'put') {
      const revision = nextRevision()
      table.set(key, { value: write.value, revision })
      results.push({ type: 'written', revision })
      continue
    }
    const number = found === undefined ? 0 : canonicalInteger(found.value)
    if (write.type !== 'increment' || number === undefined) return undefined
    const value = number + write.by
    const revision = nextRevision()
    table.set(key, { value: utf8(String(value)), revision })
    results.push({ type: 'counted', value, revision })
  }
  return { table, results, created }
}
