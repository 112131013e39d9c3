import type { KeyRecord } from '../../../src/state/keys.ts'
import type { RepeatLimits } from '../../../src/state/repeats.ts'
import type { SessionLimits } from '../../../src/state/sessions.ts'
import type { Command } from '../../../src/wire/command.ts'
import { type DataOperation, isDataOperation } from '../../../src/wire/data-operation.ts'
import type { Once } from '../../../src/wire/once.ts'
import type { KeyResult, Result } from '../../../src/wire/result.ts'
import { hex } from '../../../src/wire/session-id.ts'
import type { TransactionId } from '../../../src/wire/transaction.ts'
import { type ModelAnswer, ModelTransactions } from './model-transactions.ts'

interface ModelSession {
  floor: number
  acked: number
  usedIndex: number
  usedTime: number
  usedNumber: number
  results: [seq: number, result: Result][]
}

interface ModelRepeat {
  readonly digest: string
  readonly until: number
  readonly result: Result | undefined
}

/**
 * What a partition means, said as plainly as possible: no bytes, no order of use, no dirty sets.
 */
export class Model {
  readonly #limits: SessionLimits & RepeatLimits
  readonly #repeats = new Map<string, ModelRepeat>()
  readonly #sessions = new Map<string, ModelSession>()
  readonly transactions = new ModelTransactions({
    read: (key) => this.read(key),
    onPaper: (run) => this.#onPaper(run),
    stored: (key) => this.#keys.get(hex(key)),
    makeWay: (keys) => this.#makeWay(keys),
    set: (key, record) => {
      if (record === undefined) this.#keys.delete(hex(key))
      else this.#keys.set(hex(key), record)
    },
    remember: (id, result) => this.#remember(id, result),
    kept: ({ session, seq }) =>
      this.#sessions.get(session)?.results.find(([other]) => other === seq)?.[1],
    readFreely: (key) => this.#readAt(key, this.#time),
    floor: ({ session }) => this.#sessions.get(session)?.floor ?? this.#floorNow,
    acked: ({ session }) => this.#sessions.get(session)?.acked ?? 0
  })
  #keys = new Map<string, KeyRecord>()
  #isOnPaper = false
  #index = 0
  #counter = 0
  #time = 0
  #floor = 0

  /** Takes it that the memory for idempotency keys is never full. */
  constructor(limits: SessionLimits & RepeatLimits) {
    this.#limits = limits
  }

  apply(index: number, time: number, commands: readonly Command[]): ModelAnswer[] {
    this.#index = index
    this.#time = Math.max(this.#time, time)
    for (const [id, { usedIndex, usedTime }] of [...this.#sessions]) {
      if (this.transactions.holds(id)) continue
      const entries = index - usedIndex
      const unused = this.#time - usedTime
      if (entries > this.#limits.basisWindow && unused > this.#limits.unusedMsMin) {
        this.#sessions.delete(id)
      }
    }
    return commands.map((command) => this.#command(index, command))
  }

  /** Whether a session had to make room for another. */
  get hasMadeRoom(): boolean {
    return this.#floor > 0
  }

  read(key: Uint8Array): KeyRecord | undefined {
    return this.#readAt(key, Math.min(this.#time, this.transactions.heldSince(key)))
  }

  #readAt(key: Uint8Array, time: number): KeyRecord | undefined {
    const record = this.#keys.get(hex(key))
    return record === undefined || time >= (record.expiresAt ?? Infinity) ? undefined : record
  }

  #command(index: number, command: Command): ModelAnswer {
    this.#counter++
    const decided = this.transactions.decide(command)
    if (decided !== undefined) return { type: 'result', result: decided }
    const { seq, ackedUpTo, basis, session: id } = command
    const known = this.#sessions.get(id)
    const before = known?.results.find(([other]) => other === seq)
    const no = (code: 'session_expired' | 'stale_request' | 'overloaded'): ModelAnswer => ({
      type: 'rejected',
      code,
      applied: index
    })
    if (seq <= ackedUpTo || (known !== undefined && seq <= known.acked)) return no('stale_request')
    if (known !== undefined && before !== undefined) {
      known.usedIndex = index
      known.usedTime = this.#time
      known.usedNumber = this.#counter
      return { type: 'result', result: before[1] }
    }
    const floor = known?.floor ?? Math.max(0, index - this.#limits.basisWindow, this.#floor)
    if (basis < floor) return no('session_expired')
    const held = [...this.#sessions.values()].reduce((sum, { results }) => sum + results.length, 0)
    const isOver = known === undefined && this.#sessions.size >= this.#limits.sessionsMax
    const oldest = isOver ? this.#oldest() : undefined
    const full =
      (isOver && (oldest === undefined || !this.#mayGo(oldest))) ||
      held >= this.#limits.resultsMax ||
      (known !== undefined && known.results.length >= this.#limits.sessionResultsMax)
    const frees = known?.results.some(([other]) => other <= ackedUpTo) ?? false
    if (full && !frees) return no('overloaded')
    if (oldest !== undefined) this.#makeRoom(oldest)
    const session = this.#use(id, floor)
    session.acked = Math.max(session.acked, ackedUpTo)
    session.results = session.results.filter(([other]) => other > session.acked)
    const result = this.#run(command)
    if (result === 'blocked') return { type: 'blocked' }
    if (result.type !== 'prepared' && result.type !== 'pending') session.results.push([seq, result])
    return { type: 'result', result }
  }

  /** It is used now, and opened if it is not known. */
  #use(id: string, floor: number): ModelSession {
    const session = this.#sessions.get(id) ?? {
      floor,
      acked: 0,
      usedIndex: 0,
      usedTime: 0,
      usedNumber: 0,
      results: []
    }
    this.#sessions.set(id, session)
    session.usedIndex = this.#index
    session.usedTime = this.#time
    session.usedNumber = this.#counter
    return session
  }

  /** Who was used in the same entry was used in the order of the commands; some may not go. */
  #oldest(): ModelSession | undefined {
    return [...this.#sessions]
      .filter(([id]) => !this.transactions.holds(id))
      .map(([, session]) => session)
      .sort((a, b) => a.usedNumber - b.usedNumber)[0]
  }

  #mayGo({ usedTime }: ModelSession): boolean {
    return this.#time - usedTime > this.#limits.unusedMsMin
  }

  get #floorNow(): number {
    return Math.max(0, this.#index - this.#limits.basisWindow, this.#floor)
  }

  #makeRoom(oldest: ModelSession): void {
    this.#floor = Math.max(this.#floor, oldest.usedIndex)
    for (const [name, one] of this.#sessions) if (one === oldest) this.#sessions.delete(name)
  }

  #remember({ session: id, seq }: TransactionId, result: Result): boolean {
    const floor = this.#floorNow
    if (!this.#sessions.has(id)) {
      const held = [...this.#sessions.values()].reduce((sum, one) => sum + one.results.length, 0)
      if (held >= this.#limits.resultsMax) return false
      if (this.#sessions.size >= this.#limits.sessionsMax) {
        const oldest = this.#oldest()
        if (oldest === undefined || !this.#mayGo(oldest)) return false
        this.#makeRoom(oldest)
      }
    }
    const session = this.#use(id, floor)
    const isKept = session.results.some(([other]) => other === seq)
    if (seq > session.acked && !isKept) session.results.push([seq, result])
    return true
  }

  /** What `run` makes of the keys, which stay as they are. */
  #onPaper<T>(run: (change: (operation: DataOperation) => KeyResult) => T): T {
    const before = this.#keys
    this.#keys = new Map(before)
    this.#isOnPaper = true
    const made = run((operation) => this.#change(operation))
    this.#isOnPaper = false
    this.#keys = before
    return made
  }

  /** What is written over an expired key takes a second number. */
  #makeWay(keys: readonly Uint8Array[]): void {
    const isOver = (key: Uint8Array): boolean =>
      this.#keys.has(hex(key)) && this.#readAt(key, this.#time) === undefined
    if (keys.some(isOver)) this.#counter++
  }

  #run({ session, seq, operation }: Command): Result | 'blocked' {
    const at = { index: this.#index, time: this.#time }
    const ran = this.transactions.run({ session, seq }, operation, at)
    if (ran !== undefined) return ran
    if (operation.type === 'tick') return { type: 'done' }
    if (operation.type === 'register-node') {
      return {
        type: 'refused',
        reason: 'wrong_group: only the system group knows the nodes'
      }
    }
    if (operation.type === 'claim') return this.#repeat(operation.once, undefined)
    if (operation.type === 'once') return this.#repeat(operation.once, operation.operation)
    if (!isDataOperation(operation)) throw new Error(`the model knows no ${operation.type}`)
    return this.#change(operation)
  }

  /** `operation` undefined: the key is only claimed. */
  #repeat({ key, digest, notAfter }: Once, operation: DataOperation | undefined): Result {
    const name = hex(key)
    const held = this.#repeats.get(name)
    const known = held === undefined || this.#time > held.until ? undefined : held
    if (known !== undefined && known.digest !== hex(digest)) {
      return { type: 'not-run', why: 'reused' }
    }
    const isNew = known === undefined || (operation !== undefined && known.result === undefined)
    const isAhead = notAfter - this.#time > this.#limits.aheadMsMax
    if (isNew && this.#time > notAfter) return { type: 'not-run', why: 'late' }
    if ((isNew || operation === undefined) && isAhead) return { type: 'not-run', why: 'early' }
    const ran = operation === undefined || !isNew ? known?.result : this.#change(operation)
    const least = known?.until ?? 0
    const until = isAhead ? least : Math.max(least, notAfter + this.#limits.keptMs)
    this.#repeats.set(name, { digest: hex(digest), until, result: ran })
    return operation === undefined ? { type: 'done' } : (ran as Result)
  }

  #change(operation: DataOperation): KeyResult {
    const current = this.read(operation.key)
    const revision = current?.revision ?? 0
    if ('ifRevision' in operation && operation.ifRevision !== revision) {
      return { type: 'conflict', revision }
    }
    const name = hex(operation.key)
    // The expiry takes the number before; a transaction has seen to that.
    if (['put', 'increment'].includes(operation.type) && !this.#isOnPaper) {
      this.#makeWay([operation.key])
    }
    const made = { revision: this.#counter, created: current?.created ?? this.#counter }
    if (operation.type === 'delete') {
      this.#keys.delete(name)
      return current === undefined
        ? { type: 'absent' }
        : { type: 'deleted', revision: this.#counter }
    }
    if (operation.type === 'put') {
      const { value, ttlMs } = operation
      const expiry = ttlMs === undefined ? {} : { expiresAt: this.#time + ttlMs }
      this.#keys.set(name, { value, ...made, ...expiry })
      return { type: 'written', revision: this.#counter }
    }
    if (operation.type === 'touch') {
      if (current === undefined) return { type: 'absent' }
      const expiry =
        operation.ttlMs === undefined ? {} : { expiresAt: this.#time + operation.ttlMs }
      this.#keys.set(name, { value: current.value, ...made, ...expiry })
      return { type: 'written', revision: this.#counter }
    }
    const text = new TextDecoder().decode(current?.value ?? Uint8Array.of(0x30))
    if (String(Number(text)) !== text || !Number.isSafeInteger(Number(text))) {
      return { type: 'not-a-number' }
    }
    const sum = Number(text) + operation.by
    const value = new TextEncoder().encode(String(sum))
    const expiry: { expiresAt?: number } =
      current?.expiresAt === undefined ? {} : { expiresAt: current.expiresAt }
    this.#keys.set(name, { value, ...made, ...expiry })
    const left =
      expiry.expiresAt === undefined ? {} : { expiresInMs: expiry.expiresAt - this.#time }
    return { type: 'counted', value: sum, revision: this.#counter, ...left }
  }
}
