import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeBody } from '../../../src/state/entry-body.ts'
import { loadSaved, NO_ROWS } from '../../../src/state/meta.ts'
import { type Answer, StateMachine } from '../../../src/state/state-machine.ts'
import { TableCheck } from '../../../src/state/table-check.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { type Command, encodeCommand, type Operation } from '../../../src/wire/command.ts'
import type { DataOperation } from '../../../src/wire/data-operation.ts'
import type { Check, TransactionOperation, Work } from '../../../src/wire/transaction.ts'
import { MapTable } from './fixture.ts'
import { Model } from './model.ts'
import type { ModelAnswer } from './model-transactions.ts'

// Goal: under any order of copies, losses and restarts no command runs twice, each answer is the
// model's, and replicas that applied the same entries are the same. Method: clients that keep the
// rules of exactly-once, a network that keeps every copy for ever and delivers any of them at any
// time, tiny limits so that sessions come and go, and two replicas of which one restarts at will.

const LIMITS = {
  sessionsMax: 3,
  sessionResultsMax: 4,
  resultsMax: 8,
  basisWindow: 12,
  unusedMsMin: 50,
  repeatsMax: 100,
  repeatBytesMax: 100_000,
  keptMs: 60,
  aheadMsMax: 200
}
const SESSIONS = ['1', '2', '3', '4'].map((digit) => digit.repeat(32))
const KEYS = ['a', 'b', 'c'].map(utf8)

/** Of a transaction that is drawn later. */
type Decision =
  | Extract<TransactionOperation, { type: 'commit' | 'abort' | 'resolve' }>
  | { readonly type: 'forget' }

type Step =
  | { readonly do: 'send'; readonly client: number; readonly operation: Operation }
  | { readonly do: 'decide'; readonly which: number; readonly decision: Decision }
  | { readonly do: 'deliver'; readonly which: readonly number[]; readonly ms: number }
  | { readonly do: 'acknowledge'; readonly client: number; readonly by: number }
  | { readonly do: 'skip'; readonly entries: number }
  | { readonly do: 'restart' }

const key = fc.constantFrom(...KEYS)
const condition = fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.nat(60) }
)
const ttl = fc.option(fc.nat(80), { nil: undefined, freq: 2 })
const value = fc.constantFrom('', '7', '-3', '01', 'text').map(utf8)

/** Without undefined fields, which the types do not allow. */
function given<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, v]) => v !== undefined)) as T
}

const data: fc.Arbitrary<DataOperation> = fc.oneof(
  fc
    .record({ key, value, ifRevision: condition, ttlMs: ttl })
    .map((fields) => given({ type: 'put', ...fields }) as DataOperation),
  fc
    .record({ key, ifRevision: condition })
    .map((fields) => given({ type: 'delete', ...fields }) as DataOperation),
  fc
    .record({ key, by: fc.integer({ min: -3, max: 3 }), ifRevision: condition })
    .map((fields) => given({ type: 'increment', ...fields }) as DataOperation),
  fc
    .record({ key, ifRevision: condition, ttlMs: ttl })
    .map((fields) => given({ type: 'touch', ...fields }) as DataOperation)
)

/** Its time counts from when it is sent. */
const once = fc.record({
  key: fc.constantFrom('x', 'y').map(utf8),
  digest: fc.constantFrom(0, 1).map((byte) => new Uint8Array(32).fill(byte)),
  notAfter: fc.oneof({ weight: 4, arbitrary: fc.nat(100) }, { weight: 1, arbitrary: fc.nat(400) })
})

const check: fc.Arbitrary<Check> = fc.oneof(
  fc.record({ type: fc.constant('revision' as const), key, revision: fc.constantFrom(0, 0, 1, 2) }),
  fc.record({ type: fc.constant('exists' as const), key, exists: fc.boolean() }),
  fc.record({ type: fc.constant('value' as const), key, value })
)
const unconditional = data.map(({ ifRevision: _, ...write }) => write as DataOperation)
const work: fc.Arbitrary<Work> = fc
  .record({
    checks: fc.array(check, { maxLength: 2 }),
    writes: fc.array(unconditional, { maxLength: 3 })
  })
  .filter(({ checks, writes }) => checks.length + writes.length > 0)

const transactional: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ work, group: fc.constantFrom(1, 1, 1, 2) }).map(({ work, group }): Operation => {
    return { type: 'transact', inOrder: false, parts: [{ group, basis: 0, ...work }] }
  }),
  fc.record({ type: fc.constant('create' as const), others: fc.constant([2]), work }),
  fc.record({
    type: fc.constant('prepare' as const),
    anchor: fc.constant(2),
    anchorBasis: fc.nat(20),
    work
  })
)

const decision: fc.Arbitrary<Decision> = fc.oneof(
  fc.record({
    type: fc.constant('commit' as const),
    term: fc.constantFrom(1, 1, 2),
    votes: fc.constant([])
  }),
  fc.record({
    type: fc.constant('abort' as const),
    why: fc.constantFrom('moved', 'ended'),
    basis: fc.nat(40)
  }),
  fc.record({ type: fc.constant('resolve' as const), committed: fc.boolean() }),
  fc.constant<Decision>({ type: 'forget' })
)

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: data },
  { weight: 3, arbitrary: transactional },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('claim' as const), once }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('once' as const), once, operation: data })
  },
  { weight: 1, arbitrary: fc.constant<Operation>({ type: 'tick' }) },
  {
    weight: 1,
    arbitrary: fc.constant<Operation>({ type: 'register-node', node: utf8('x') })
  }
)

const client = fc.nat(SESSIONS.length - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), client, operation }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('decide' as const),
      which: fc.noBias(fc.nat()),
      decision
    })
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      which: fc.array(fc.noBias(fc.nat()), { minLength: 1, maxLength: 4 }),
      ms: fc.nat(40)
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('acknowledge' as const), client, by: fc.nat(3) })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('skip' as const), entries: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'restart' }) }
)

function told(answer: Answer): ModelAnswer {
  return answer.type === 'blocked' ? { type: 'blocked' } : answer
}

class Replica {
  table = new MapTable()
  machine = this.#start(true)

  #start(fresh: boolean): StateMachine {
    const saved = fresh ? loadSaved(undefined, NO_ROWS) : this.table.saved(true)
    return new StateMachine({ group: 1, table: this.table, limits: LIMITS }, saved)
  }

  restart(): void {
    this.machine.prepareFlush()
    this.table = this.table.copy()
    this.machine = this.#start(false)
  }
}

class Run {
  readonly steady = new Replica()
  readonly restarted = new Replica()
  readonly model = new Model(LIMITS)
  readonly network: Command[] = []
  readonly ran = new Map<string, number>()
  readonly sent = SESSIONS.map(() => 0)
  readonly acked = SESSIONS.map(() => 0)
  repeats = 0
  expired = 0
  stored = 0
  blocked = 0
  transacted = 0
  ended = 0
  time = 1_000

  step(next: Step): void {
    const { machine } = this.steady
    switch (next.do) {
      case 'send': {
        const session = SESSIONS[next.client] as string
        const seq = (this.sent[next.client] as number) + 1
        this.sent[next.client] = seq
        const ackedUpTo = this.acked[next.client] as number
        const basis = machine.applied.index
        const operation = this.#dated(next.operation)
        this.network.push({ session, seq, ackedUpTo, basis, operation })
        return
      }
      case 'decide':
        this.#decide(next.which, next.decision)
        return
      case 'deliver':
        if (this.network.length > 0) this.#deliver(next.which, next.ms)
        return
      case 'acknowledge': {
        const acked = (this.acked[next.client] as number) + next.by
        this.acked[next.client] = Math.min(acked, this.sent[next.client] as number)
        return
      }
      case 'skip':
        for (let i = 0; i < next.entries; i++) {
          const index = machine.applied.index + 1
          machine.skip(index, 1)
          this.restarted.machine.skip(index, 1)
        }
        return
      case 'restart':
        this.restarted.restart()
    }
  }

  /** Whatever transaction it is of, at whatever time: it may be sent by anybody, in any order. */
  #decide(which: number, decision: Decision): void {
    const transactions = this.network.filter(({ operation: { type } }) => {
      return type === 'create' || type === 'prepare'
    })
    const { length } = transactions
    const one = transactions[length - 1 - (which % Math.min(length, which % 5 === 0 ? length : 3))]
    if (one === undefined) return
    const { session, seq } = one
    const operation: Operation =
      decision.type === 'forget' ? { ...decision, transactions: [{ session, seq }] } : decision
    this.network.push({ session, seq, ackedUpTo: 0, basis: 0, operation })
  }

  #dated(operation: Operation): Operation {
    if (operation.type !== 'claim' && operation.type !== 'once') return operation
    const { once } = operation
    return { ...operation, once: { ...once, notAfter: this.time + once.notAfter } }
  }

  #deliver(which: readonly number[], ms: number): void {
    this.time += ms
    const copies = which.map((n) => this.#copy(n))
    const index = this.steady.machine.applied.index + 1
    const body = encodeBody(this.time, copies.map(encodeCommand))
    const before = this.steady.machine.counter
    const answers = this.steady.machine.apply(index, 1, body).map(told)
    expect(this.restarted.machine.apply(index, 1, body).map(told)).toEqual(answers)
    expect(answers).toEqual(this.model.apply(index, this.time, copies))
    const taken = { above: before, upTo: this.steady.machine.counter }
    for (const [i, answer] of answers.entries()) this.#count(copies[i] as Command, answer, taken)
    const { parts, records } = this.model.transactions
    const counts = { parts: parts.size, records: records.size }
    expect(this.steady.machine.transactions.counts).toEqual(counts)
    expect(this.restarted.machine.transactions.counts).toEqual(counts)
  }

  /** One of the newest, or any that was ever sent: a copy is never too late to come. */
  #copy(n: number): Command {
    const { length } = this.network
    const back = n % 3 === 0 ? n % length : n % Math.min(length, 6)
    return this.network[length - 1 - back] as Command
  }

  /**
   * What a command wrote bears a number it took when it ran, one of those `taken` by its entry: a
   * second number, a second run.
   */
  #count(
    command: Command,
    answer: ModelAnswer,
    taken: { readonly above: number; readonly upTo: number }
  ): void {
    if (answer.type === 'blocked') this.blocked++
    if (answer.type === 'result' && answer.result.type === 'transacted') this.transacted++
    if (answer.type === 'result' && answer.result.type === 'ended') this.ended++
    if (answer.type === 'rejected' && answer.code === 'session_expired') this.expired++
    if (answer.type !== 'result' || !('revision' in answer.result)) return
    const { revision } = answer.result
    const isNew = revision > taken.above && revision <= taken.upTo
    // Another command may have run for it.
    if (command.operation.type === 'once') {
      if (!isNew) this.stored++
      return
    }
    if (answer.result.type === 'conflict') return
    const name = `${command.session} ${command.seq}`
    const first = this.ran.get(name)
    this.ran.set(name, revision)
    if (first === undefined) expect(isNew, `${name} has an old number`).toBe(true)
    else {
      this.repeats++
      expect(revision, `${name} ran again`).toBe(first)
    }
  }

  finish(): void {
    expect(this.restarted.machine.digest()).toBe(this.steady.machine.digest())
    for (const { machine, table } of [this.steady, this.restarted]) {
      machine.prepareFlush()
      const check = new TableCheck()
      for (const [at, record] of table.records.values()) check.add(at, record)
      if (table.records.size > 0) expect(check.finish().counter).toBe(machine.counter)
    }
    expect(this.restarted.table.dump()).toBe(this.steady.table.dump())
    for (const name of KEYS) {
      expect(this.steady.machine.read(name)).toEqual(this.model.read(name))
    }
  }
}

test('copies, reorder and restarts never change what happens', () => {
  let ran = 0
  let repeats = 0
  let expired = 0
  let stored = 0
  let roomy = 0
  let blocked = 0
  let transacted = 0
  let ended = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 150, size: 'max' }), (steps) => {
      const run = new Run()
      for (const next of steps) run.step(next)
      run.finish()
      ran += run.ran.size
      repeats += run.repeats
      expired += run.expired
      stored += run.stored
      blocked += run.blocked
      transacted += run.transacted
      ended += run.ended
      if (run.model.hasMadeRoom) roomy++
    }),
    { numRuns: 350 }
  )
  // Vacuity: commands ran, copies of them came, and copies came after their session had gone.
  expect(ran).toBeGreaterThan(400)
  expect(repeats).toBeGreaterThan(1_200)
  expect(expired).toBeGreaterThan(1_000)
  expect(stored).toBeGreaterThan(450)
  expect(
    [blocked, transacted, ended].every((count) => count > 100),
    `${blocked} ${transacted} ${ended}`
  ).toBe(true)
  // ... and sessions had to go before their time to make room.
  expect(roomy).toBeGreaterThan(100)
})
