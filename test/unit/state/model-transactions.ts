import type { KeyRecord } from '../../../src/state/keys.ts'
import type { Answer } from '../../../src/state/state-machine.ts'
import type { Command, Operation } from '../../../src/wire/command.ts'
import type { DataOperation } from '../../../src/wire/data-operation.ts'
import type { AbortReason, KeyResult, Result, Vote } from '../../../src/wire/result.ts'
import { hex } from '../../../src/wire/session-id.ts'
import type { Check, TransactionId, Work } from '../../../src/wire/transaction.ts'

/** By whom a command is blocked is for those who wait, and no part of the state. */
export type ModelAnswer =
  | Exclude<Answer, { readonly type: 'blocked' }>
  | { readonly type: 'blocked' }

/** What the model of a partition lends to that of its transactions. */
interface Beside {
  read(key: Uint8Array): KeyRecord | undefined
  onPaper<T>(run: (change: (operation: DataOperation) => KeyResult) => T): T
  /** What stands there, expired or not. */
  stored(key: Uint8Array): KeyRecord | undefined
  /** These are about to be written, by one part. */
  makeWay(keys: readonly Uint8Array[]): void
  set(key: Uint8Array, record: KeyRecord | undefined): void
  remember(id: TransactionId, result: Result): boolean
  kept(id: TransactionId): Result | undefined
  acked(id: TransactionId): number
  /** Commands of this one's session with a lower basis may have run, and be forgotten. */
  floor(id: TransactionId): number
  /** As if nobody held it. */
  readFreely(key: Uint8Array): KeyRecord | undefined
}

interface Write {
  readonly key: Uint8Array
  readonly next: KeyRecord | undefined
}

interface ModelPart {
  readonly id: TransactionId
  readonly vote: Vote
  readonly time: number
  readonly reads: readonly Uint8Array[]
  readonly writes: readonly Write[]
}

/** In which entry, and at which time. */
interface At {
  readonly index: number
  readonly time: number
}

type Planned = Pick<ModelPart, 'reads' | 'writes'> & { readonly results: readonly KeyResult[] }

const GROUP = 1
const nameOf = ({ session, seq }: TransactionId): string => `${session} ${seq}`

/** What transactions mean in one partition: lists, and a search through all of them each time. */
export class ModelTransactions {
  readonly #beside: Beside
  readonly parts = new Map<string, ModelPart>()
  readonly records = new Map<string, { id: TransactionId; state: Result }>()

  constructor(beside: Beside) {
    this.#beside = beside
  }

  holds(session: string): boolean {
    return [...this.parts.values(), ...this.records.values()].some((one) => {
      return one.id.session === session
    })
  }

  /** Since when a key is held: it does not expire in the meantime. */
  heldSince(key: Uint8Array): number {
    const holders = [...this.parts.values()].filter(({ reads, writes }) => {
      return [...reads, ...writes.map((write) => write.key)].some((one) => hex(one) === hex(key))
    })
    return Math.min(...holders.map(({ time }) => time))
  }

  /** Undefined: it is no decision. */
  decide({ session, seq, operation }: Command): Result | undefined {
    const id = { session, seq }
    const record = this.records.get(nameOf(id))
    switch (operation.type) {
      case 'commit': {
        const part = this.parts.get(nameOf(id))
        if (record?.state.type !== 'pending' || operation.term !== 1 || part === undefined) {
          return this.#known(id)
        }
        record.state = { type: 'ended', committed: true }
        this.#end(id, true)
        const result: Result = { type: 'transacted', votes: [part.vote, ...operation.votes] }
        this.#beside.remember(id, result)
        return result
      }
      case 'abort': {
        const aborted: Result = { type: 'ended', committed: false }
        if (record?.state.type === 'pending') {
          record.state = aborted
          this.#end(id, false)
          this.#beside.remember(id, { type: 'aborted', why: operation.why })
          return aborted
        }
        const known = this.#known(id)
        if (known.type !== 'gone' || this.#beside.acked(id) >= seq) return known
        if (operation.basis < this.#beside.floor(id)) return known
        if (this.#beside.remember(id, { type: 'aborted', why: operation.why })) return aborted
        return { type: 'refused', reason: 'overloaded: the table of sessions is full' }
      }
      case 'resolve': {
        this.#end(id, operation.committed)
        const decision: Result = { type: 'ended', committed: operation.committed }
        this.#beside.remember(id, decision)
        return decision
      }
      case 'forget':
        for (const one of operation.transactions) {
          if (this.records.get(nameOf(one))?.state.type !== 'pending') {
            this.records.delete(nameOf(one))
          }
        }
        return { type: 'done' }
      default:
        return undefined
    }
  }

  /** Undefined: it has nothing to do with transactions. */
  run(id: TransactionId, operation: Operation, at: At): Result | 'blocked' | undefined {
    switch (operation.type) {
      case 'put':
      case 'delete':
      case 'increment':
      case 'touch':
        return this.#isLocked(operation.key) ? 'blocked' : undefined
      case 'once':
        return this.#isLocked(operation.operation.key) ? 'blocked' : undefined
      case 'transact': {
        const [part] = operation.parts
        if (part?.group !== GROUP || operation.parts.length > 1) {
          const reason = 'wrong_group: a transaction of other groups, or of several'
          return { type: 'refused', reason }
        }
        const planned = this.#plan(part)
        if (planned === 'blocked') return planned
        if (typeof planned === 'string') return { type: 'aborted', why: planned }
        for (const { key, next } of planned.writes) this.#beside.set(key, next)
        return { type: 'transacted', votes: [voteOf(planned, at.index)] }
      }
      case 'create':
        return this.#create(id, operation.work, at)
      case 'prepare': {
        const part = this.parts.get(nameOf(id))
        if (part !== undefined) return { type: 'prepared', vote: part.vote }
        return this.#place(id, operation.work, at)
      }
      default:
        return undefined
    }
  }

  #create(id: TransactionId, work: Work, at: At): Result {
    const record = this.records.get(nameOf(id))
    const part = this.parts.get(nameOf(id))
    if (record === undefined) {
      const placed = this.#place(id, work, at)
      if (placed.type === 'prepared') {
        this.records.set(nameOf(id), { id, state: { type: 'pending' } })
      }
      return placed
    }
    const isMine = record.state.type === 'pending' && part !== undefined
    return isMine ? { type: 'prepared', vote: part.vote } : this.#known(id)
  }

  #place(id: TransactionId, work: Work, at: At): Result {
    const planned = this.#plan(work)
    if (typeof planned === 'string') return { type: 'aborted', why: planned }
    const vote = voteOf(planned, at.index)
    const { reads, writes } = planned
    this.parts.set(nameOf(id), { id, vote, time: at.time, reads, writes })
    return { type: 'prepared', vote }
  }

  #known(id: TransactionId): Result {
    return this.#beside.kept(id) ?? this.records.get(nameOf(id))?.state ?? { type: 'gone' }
  }

  #end(id: TransactionId, committed: boolean): void {
    const part = this.parts.get(nameOf(id))
    this.parts.delete(nameOf(id))
    if (committed) for (const { key, next } of part?.writes ?? []) this.#beside.set(key, next)
  }

  #plan({ checks, writes }: Work): Planned | AbortReason {
    const isForeign = checks.some(({ key }) => {
      // What only its holders keep from expiring is nothing to rely on.
      const isLate = this.#beside.read(key) !== undefined && !this.#beside.readFreely(key)
      return this.#isWritten(key) || isLate
    })
    if (isForeign || writes.some(({ key }) => this.#isLocked(key))) return 'blocked'
    if (!checks.every((check) => this.#isTrue(check))) return 'moved'
    this.#beside.makeWay(writes.map(({ key }) => key))
    return this.#beside.onPaper((change) => {
      const results: KeyResult[] = []
      for (const write of writes) {
        const result = change(write)
        if (result.type === 'not-a-number') return 'not_a_number'
        if (result.type === 'absent' && write.type === 'touch') return 'absent'
        results.push(result)
      }
      const written = new Map(writes.map(({ key }) => [hex(key), key]))
      return {
        results,
        reads: checks.map(({ key }) => key).filter((key) => !written.has(hex(key))),
        writes: [...written.values()].map((key) => ({ key, next: this.#beside.stored(key) }))
      }
    })
  }

  #isTrue(check: Check): boolean {
    if (check.type === 'lock') throw new Error('the model knows no locks')
    const record = this.#beside.read(check.key)
    if (check.type === 'exists') return (record !== undefined) === check.exists
    if (check.type === 'revision') return (record?.revision ?? 0) === check.revision
    return record !== undefined && hex(record.value) === hex(check.value)
  }

  #isWritten(key: Uint8Array): boolean {
    return [...this.parts.values()].some(({ writes }) => {
      return writes.some((write) => hex(write.key) === hex(key))
    })
  }

  #isLocked(key: Uint8Array): boolean {
    const isRead = [...this.parts.values()].some(({ reads }) => {
      return reads.some((read) => hex(read) === hex(key))
    })
    return isRead || this.#isWritten(key)
  }
}

function voteOf({ results }: Planned, applied: number): Vote {
  return { group: GROUP, applied, results }
}
