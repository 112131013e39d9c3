import type { DriverCall } from '../../../src/client/driver.ts'
import { FENCED, type FencedChange, type FencedOutcome } from '../../../src/client/fenced-write.ts'
import type { CallOperation, CallOutcome, SeenGroup } from '../../../src/client/inputs.ts'
import type { LockOutcome, WantedLock } from '../../../src/client/lock-types.ts'
import type {
  TransactionOutcome,
  TransactionRequest
} from '../../../src/client/transactor-types.ts'
import type { Calls, TransactionCall } from '../../../src/gateway/calls.ts'
import { Multiset } from '../../../src/state/hash.ts'
import { REPEAT_LIMITS, Repeats } from '../../../src/state/repeats.ts'
import type { ClusterView } from '../../../src/wire/cluster-map.ts'
import type { Operation } from '../../../src/wire/command.ts'
import { isDataOperation } from '../../../src/wire/data-operation.ts'
import { type Failure, failure } from '../../../src/wire/failure.ts'
import type { ReadRecord } from '../../../src/wire/read-body.ts'
import type { KeyResult, KnownResult, Result } from '../../../src/wire/result.ts'
import type { TransactionRef } from '../../../src/wire/transaction.ts'
import { assert } from '../../../src/world/assert.ts'
import { ModelLocks } from '../client/model-locks.ts'
import { MapTable } from '../state/fixture.ts'
import { pageOf } from './table-scans.ts'
import { runOver } from './table-transactions.ts'

/** The name of every transaction that writes. */
export const TRANSACTION: TransactionRef = {
  session: '000102030405060708090a0b0c0d0e0f',
  seq: 7,
  anchor: 3
}

const STRANGER = { owner: '', heldMs: 0 }

const GIVEN_UP: TransactionOutcome = {
  ok: false,
  failure: failure('unknown_outcome', 'given up', 'unknown'),
  id: TRANSACTION
}

/**
 * What a node would do with calls, over a table in memory; failures and waits are set by a test.
 */
export class TableCalls implements Calls {
  readonly table = new Map<string, ReadRecord>()
  readonly locks = new ModelLocks(() => this.now)
  readonly timeouts: number[] = []
  /** Of each lock that was asked for. */
  readonly waits: number[] = []
  readonly traces: string[] = []
  /** Thrown at each call, when set: a fault of ours. */
  fault: Error | undefined
  /** All calls end so, when set. */
  failing: Failure | undefined
  /** Calls are not answered while set; giving one up ends it as unknown. */
  holding = false
  /** What all changes are answered with, when set. */
  answering: KeyResult | undefined
  reasons: readonly string[] = []
  /** Kinds of calls of which new ones are refused just now. */
  readonly shedding = new Set<CallOperation['kind']>()
  /** Of each call, whether it was said to be admitted. */
  readonly admitted: boolean[] = []
  now = 1_000_000
  givenUp = 0
  /** What waits while `holding`. */
  readonly held: (() => void)[] = []
  #revision = 0
  readonly #repeats = new Repeats(new MapTable(), new Multiset(), REPEAT_LIMITS)

  call(
    operation: CallOperation,
    { timeoutMs, trace = '', admitted = false }: DriverCall,
    done: (outcome: CallOutcome) => void
  ): () => void {
    this.timeouts.push(timeoutMs)
    this.traces.push(trace)
    this.admitted.push(admitted)
    if (this.fault !== undefined) throw this.fault
    if (this.failing !== undefined) done({ ok: false, failure: this.failing })
    else if (this.holding) this.held.push(() => done(this.#serve(operation)))
    else done(this.#serve(operation))
    return () => {
      this.givenUp++
      done({ ok: false, failure: failure('unknown_outcome', 'given up', 'unknown') })
    }
  }

  transact(
    request: TransactionRequest,
    { timeoutMs, trace = '' }: TransactionCall,
    done: (outcome: TransactionOutcome) => void
  ): () => void {
    this.timeouts.push(timeoutMs)
    this.traces.push(trace)
    this.transactions.push(request)
    const ended = this.transacting ?? this.#transact(request)
    if (this.holding) this.held.push(() => done(ended))
    else done(ended)
    return () => {
      this.givenUp++
      done(GIVEN_UP)
    }
  }

  /** Waits for nothing but the hand of the test. */
  lock(
    { waitMs, ...wanted }: WantedLock,
    { timeoutMs }: TransactionCall,
    done: (outcome: LockOutcome) => void
  ): () => void {
    this.timeouts.push(timeoutMs)
    this.waits.push(waitMs)
    const run = (): void => {
      const result = this.locks.apply({ type: 'acquire', ...wanted, wait: false })
      if (result.type === 'granted') {
        done({ ok: true, grant: { ...wanted, token: result.token, group: this.group, since: 0 } })
      } else {
        const { owner, heldMs } = result.type === 'locked' ? result.holder : STRANGER
        const holder = { owner, since: this.now - heldMs }
        done({ ok: false, failure: { ...failure('locked', `held by ${owner}`), holder } })
      }
    }
    if (this.failing !== undefined) done({ ok: false, failure: this.failing })
    else if (this.holding) this.held.push(run)
    else run()
    return () => {
      this.givenUp++
      done({ ok: false, failure: failure('unavailable', 'given up') })
    }
  }

  writeFenced(
    { fence, operation }: FencedChange,
    { timeoutMs }: TransactionCall,
    done: (outcome: FencedOutcome) => void
  ): () => void {
    this.timeouts.push(timeoutMs)
    if (!this.locks.holds(fence)) done({ ok: false, failure: FENCED })
    else done({ ok: true, result: this.#change(operation), groups: this.groups })
    return () => {}
  }

  #transact(request: TransactionRequest): TransactionOutcome {
    const first = this.#revision
    const ran = runOver(this, request, () => ++this.#revision)
    const { session, seq, anchor } = TRANSACTION
    const id = this.#revision === first ? undefined : { session, seq, anchor }
    return { ok: true, id, ...ran, groups: this.groups }
  }

  isShedding(): boolean {
    return this.shedding.size > 0
  }

  /** Refuses all but the key `free`. */
  shedMs(kind: CallOperation['kind'], key: Uint8Array): number {
    return this.shedding.has(kind) && name(key) !== 'free' ? 50 : 0
  }

  /** What every transaction is told to have become, when set; and what is asked for one. */
  transacting: TransactionOutcome | undefined
  outcome: Result = { type: 'gone' }
  groups: readonly SeenGroup[] = [{ group: 1, applied: 1 }]
  readonly transactions: TransactionRequest[] = []

  /** Serves what is held at place `index`. */
  answer(index: number): void {
    this.held.splice(index, 1)[0]?.()
  }

  /** Where every call is served, and how old `eventual` answers are. */
  group = 1
  applied = 1
  stalenessMs = 0
  readonly operations: CallOperation[] = []

  clusterId(): string {
    return '0123456789abcdef0123456789abcdef'
  }

  /** What is known of the cluster, when set. */
  shown: ClusterView | undefined

  view(): ClusterView | undefined {
    return this.shown
  }

  time(): number {
    return this.now
  }

  unready(): readonly string[] {
    return this.reasons
  }

  #serve(operation: CallOperation): CallOutcome {
    this.operations.push(operation)
    const where = { ok: true, group: this.group, applied: this.applied } as const
    if (operation.kind === 'mutate') {
      return {
        ...where,
        kind: 'mutate',
        result: this.answering ?? this.#change(operation.operation)
      }
    }
    if (operation.kind === 'lock') {
      return { ...where, kind: 'lock', result: this.locks.apply(operation.operation) }
    }
    if (operation.kind === 'lock-view') {
      return { ...where, kind: 'lock-view', view: this.locks.view(operation) }
    }
    if (operation.kind === 'outcome') return { ...where, kind: 'outcome', result: this.outcome }
    if (operation.kind === 'scan') {
      const { group } = operation
      const page = pageOf(this.table, operation, this.shown?.map.settings.partitions ?? 1)
      return { ...where, kind: 'scan', page, group, stalenessMs: this.stalenessMs }
    }
    assert(operation.kind === 'get', `${operation.kind} is not for tables`)
    const record = this.table.get(name(operation.key))
    return { ...where, kind: 'get', record, stalenessMs: this.stalenessMs }
  }

  #change(operation: Operation): KeyResult {
    if (operation.type === 'claim') return ofChange(this.#repeats.claim(operation.once, this.now))
    if (operation.type === 'once') {
      const run = (): KeyResult => this.#change(operation.operation)
      return ofChange(this.#repeats.once(operation.once, this.now, run))
    }
    if (!isDataOperation(operation)) return { type: 'refused', reason: 'not for users' }
    const key = name(operation.key)
    const found = this.table.get(key)
    const { ifRevision } = operation
    if (ifRevision !== undefined && ifRevision !== (found?.revision ?? 0)) {
      return { type: 'conflict', revision: found?.revision ?? 0 }
    }
    const revision = ++this.#revision
    if (operation.type === 'delete') {
      return this.table.delete(key) ? { type: 'deleted', revision } : { type: 'absent' }
    }
    if (operation.type === 'increment') {
      const value = Number(Buffer.from(found?.value ?? Buffer.from('0')).toString()) + operation.by
      if (!Number.isSafeInteger(value)) return { type: 'not-a-number' }
      const { expiresInMs } = found ?? {}
      const left = expiresInMs === undefined ? {} : { expiresInMs }
      this.table.set(key, { value: Buffer.from(String(value)), revision, ...left })
      return { type: 'counted', value, revision, ...left }
    }
    if (operation.type === 'touch' && found === undefined) return { type: 'absent' }
    const value = operation.type === 'put' ? operation.value : (found?.value as Uint8Array)
    const ttl = operation.ttlMs === undefined ? {} : { expiresInMs: operation.ttlMs }
    this.table.set(key, { value, revision, ...ttl })
    return { type: 'written', revision }
  }
}

/** No transaction gets to its memory of changes. */
function ofChange(result: KeyResult | KnownResult): KeyResult {
  assert(result.type !== 'known', 'a change is answered as a transaction')
  return result
}

const name = (key: Uint8Array): string => Buffer.from(key).toString('latin1')
