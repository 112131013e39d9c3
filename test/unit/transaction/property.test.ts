import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Transact } from '../../../src/transaction/coordinator.ts'
import type { Told } from '../../../src/transaction/ports.ts'
import type { GroupId } from '../../../src/wire/ids.ts'
import { SESSION, type Sent, Stage, transfer } from './stage.ts'

// Goal: whatever is lost, comes twice or late, whoever leads and whoever asks again, a transaction
// is in all of its groups or in none, once, and its client is told nothing else. Method: each adds
// a number of its own in three groups, without a check that tells a second time from the first.

const GROUPS: readonly GroupId[] = [1, 2, 3]
const SEQ_MAX = 6

type Fate = 'deliver' | 'lose' | 'loseReply' | 'refuse'
type Act =
  | { readonly do: 'begin' | 'again'; readonly which: number; readonly inOrder: boolean }
  | { readonly do: 'next'; readonly which: number; readonly fate: Fate }
  | { readonly do: 'late'; readonly which: number }
  | { readonly do: 'fall' | 'acknowledge' | 'settle' }
  | { readonly do: 'tick'; readonly ms: number }

const which = fc.nat(1_000)
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 8, arbitrary: fc.constant('deliver') },
  { weight: 3, arbitrary: fc.constantFrom('lose', 'loseReply', 'refuse') }
)
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('begin', 'again'), which, inOrder: fc.boolean() })
  },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('next' as const),
      which: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, which),
      fate
    })
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('late' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('fall', 'acknowledge', 'settle') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.nat(1_500) }) }
)

interface Begun {
  readonly command: Transact
  readonly told: Told[]
}

class Run {
  readonly stage = new Stage()
  readonly begun: Begun[] = []
  /** Of those sent by couriers: the network may bring them again at any time. */
  readonly copies: Sent[] = []
  readonly #kept = new Set<Sent>()
  #acked = 0

  act(next: Act): void {
    const { stage } = this
    switch (next.do) {
      case 'begin':
        this.#begin(next.inOrder)
        break
      case 'again': {
        const one = this.begun[next.which % Math.max(1, this.begun.length)]
        if (one !== undefined) this.#ask(one)
        break
      }
      case 'next':
        this.#take(next.which)?.[next.fate]()
        break
      case 'late': {
        const copy = this.copies[next.which % Math.max(1, this.copies.length)]
        if (copy !== undefined) stage.apply(copy.group, copy.bytes)
        break
      }
      case 'fall':
        stage.fall()
        break
      case 'acknowledge':
        while (this.begun[this.#acked]?.told.some(isDefinite)) this.#acked++
        break
      case 'settle':
        this.#settle()
        break
      default:
        stage.tick(next.ms)
    }
    this.#keep()
    for (const one of this.begun) this.#check(one)
  }

  finish(): void {
    const { stage } = this
    for (let i = 0; i < 4; i++) {
      stage.deliverAll()
      stage.tick(1_000)
      this.#settle()
    }
    stage.deliverAll()
    const [sum, ...others] = GROUPS.map((group) => stage.value(group) ?? '0')
    expect(others, 'in all groups or in none').toEqual([sum, sum])
    expect(Number(sum).toString(), 'once').toMatch(/^[01]+$/)
    for (const [group, state] of stage.groups) {
      expect(state.transactions.counts, `group ${group}`).toEqual({ parts: 0, records: 0 })
    }
    for (const { command, told } of this.begun) {
      const isIn = [...Number(sum).toString()].at(-command.seq) === '1'
      for (const one of told.filter(isDefinite)) expect(isIn).toBe(isCommitted(one))
    }
  }

  #begin(inOrder: boolean): void {
    const seq = this.begun.length + 1
    if (seq > SEQ_MAX) return
    const by = 10 ** (seq - 1)
    const command = transfer(seq, GROUPS, { by, inOrder, ackedUpTo: this.#acked })
    const one: Begun = { command, told: [] }
    this.begun.push(one)
    this.#ask(one)
  }

  /** A client asks on until it is told what became of it. */
  #ask({ command, told }: Begun): void {
    if (told.some(isDefinite)) return
    const { stage } = this
    const heard = stage.begin(command)
    const copy = heard.push.bind(heard)
    told.push(...heard)
    heard.push = (...more) => {
      told.push(...more)
      return copy(...more)
    }
  }

  #take(at: number): Sent | undefined {
    const { sent } = this.stage
    const first = sent[at % Math.max(1, sent.length)]
    // What a leader proposes stands in its log in that order.
    const same = first?.isOwn ? sent.find(({ isOwn }) => isOwn) : first
    return same === undefined ? undefined : sent.splice(sent.indexOf(same), 1)[0]
  }

  #settle(): void {
    for (const [group, state] of this.stage.groups) {
      for (const { ref } of state.transactions.parts()) {
        if (ref.anchor !== group) this.stage.resolver.settle(ref, group)
      }
    }
  }

  #keep(): void {
    for (const one of this.stage.sent) {
      if (this.#kept.has(one)) continue
      this.#kept.add(one)
      if (!one.isOwn) this.copies.push(one)
    }
  }

  /** Once told of a commit, whoever asks hears of it, or that it was long ago. */
  #check({ command, told }: Begun): void {
    const definite = told.filter(isDefinite)
    expect(new Set(definite.map(isCommitted)).size).toBeLessThan(2)
    if (!definite.some(isCommitted)) return
    const result = this.stage.group(1).transactions.outcome({ session: SESSION, seq: command.seq })
    expect([{ type: 'ended', committed: true }, { type: 'gone' }]).toContainEqual(result)
  }
}

const isCommitted = (told: Told): boolean =>
  told.type === 'result' && told.result.type === 'transacted'

const isDefinite = (told: Told): boolean => told.type === 'result'

test('in all of its groups or in none, once', () => {
  let committed = 0
  let aborted = 0
  let unknown = 0
  fc.assert(
    fc.property(fc.array(act, { minLength: 20, maxLength: 120, size: 'max' }), (acts) => {
      const run = new Run()
      for (const next of acts) run.act(next)
      run.finish()
      for (const { told } of run.begun) {
        if (told.some(isCommitted)) committed++
        else if (told.some(isDefinite)) aborted++
        else unknown++
      }
    }),
    { numRuns: 350 }
  )
  // Vacuity.
  expect(committed, 'committed').toBeGreaterThan(100)
  expect(aborted, 'aborted').toBeGreaterThan(100)
  expect(unknown, 'unknown').toBeGreaterThan(20)
})
