import { runTransaction } from '../../src/client/transactor.ts'
import type {
  Step,
  StepResult,
  TransactionOutcome,
  TransactionRequest
} from '../../src/client/transactor-types.ts'
import type { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { Violation } from '../../src/simulation/violation.ts'
import type { Life } from '../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import { ONCE_LIFE_MS } from '../../src/wire/limits.ts'
import type { Random } from '../../src/world/random.ts'
import { type Caller, clientCaller, GatewayCaller, judged, shellOf } from './callers.ts'

/** A transaction under an idempotency key, asked for by whoever likes, as often as they like. */
interface Request {
  readonly id: number
  /** What its digest is made of. */
  readonly variant: number
  readonly asked: TransactionRequest
  /** Another request under the same key. */
  rival: Request | undefined
  attempts: number
  inFlight: number
  answer: (TransactionOutcome & { readonly ok: true }) | undefined
  /** The answer as text. */
  said: string | undefined
  reused: boolean
  /** It was asked for when its fate was known and all was calm. */
  isConfirmed: boolean
}

const ACCOUNTS: readonly string[] = ['north', 'east', 'south', 'west']
const MARKS: readonly string[] = ['mark0', 'mark1', 'mark2']
/** What else is read and written, for the results that it gives. */
const NOTES: readonly string[] = ['note0', 'note1']
const ATTEMPTS_MAX = 5
const TIMEOUT_MS = 4_000
/** What the clocks of those who ask are off by. */
const SKEW_MS = 10_000

/**
 * Goal: whatever happens to those who ask and to the nodes, a transaction under an idempotency key
 * happens once, over any partitions, all who ask for it hear the same, conditions that did not hold
 * included, and of two requests under one key one never happens. Method: transfers between
 * accounts, blind and under conditions, each sent several times through several callers, some with
 * a rival; after all faults each is sent until its fate is known, and the accounts must hold
 * exactly what the answers say.
 */
export class RepeatedTransfers {
  attempts = 0
  inFlight = 0
  readonly #cluster: SimulatedCluster
  readonly #callers: readonly Caller[]
  readonly #random: Random
  readonly #life: Life
  readonly #requests: Request[] = []
  #working = true

  constructor(
    cluster: SimulatedCluster,
    { random, life }: { readonly random: Random; readonly life: Life }
  ) {
    this.#cluster = cluster
    const callers = [...cluster.clients.map(clientCaller), new GatewayCaller(cluster, life)]
    this.#callers = callers.map((caller) => judged(cluster, caller))
    this.#random = random
    this.#life = life
  }

  start(): void {
    this.#life.timers.after(this.#random.below(1_500), () => {
      if (!this.#working) return
      this.#begin()
      this.start()
    })
  }

  /** Asks for nothing new, and for all whose fate is not known until it is. */
  stop(): void {
    this.#working = false
  }

  /** Whether every fate is known; asks again where it is not. Requires: stopped, and no faults. */
  get isSettled(): boolean {
    // One at a time: where nobody waits long for anybody, two can end each other for ever.
    if (this.inFlight === 0) {
      const next =
        this.#requests.find((one) => !isKnown(one)) ??
        this.#requests.find(({ isConfirmed }) => !isConfirmed)
      if (next !== undefined) {
        // Once more when it is known: the last word must be the first one.
        next.isConfirmed = isKnown(next)
        this.#ask(next)
      }
    }
    return this.inFlight === 0 && this.#requests.every(isKnown)
  }

  /** Keys whose last values `check` wants. */
  get keys(): readonly string[] {
    return ACCOUNTS.map(named)
  }

  /** Throws Violation. */
  check(read: (key: string) => Uint8Array | undefined): void {
    for (const { id, reused, rival } of this.#requests) {
      if (reused && rival?.answer === undefined) {
        throw new Violation(`nobody has the idempotency key ${id} of a transaction`)
      }
    }
    const moved = new Map<string, number>()
    for (const { asked, answer } of this.#requests) {
      if (answer === undefined) continue
      for (const step of answer.committed ? asked.steps : asked.otherwise) {
        if (step.type !== 'increment') continue
        const key = utf8Text(step.key) ?? ''
        moved.set(key, (moved.get(key) ?? 0) + step.by)
      }
    }
    for (const key of this.keys) {
      const value = read(key)
      const final = value === undefined ? 0 : Number(utf8Text(value))
      const said = moved.get(key) ?? 0
      if (final !== said) throw new Violation(`${key} holds ${final}, and answers say ${said}`)
    }
  }

  #begin(): void {
    const request = this.#draw(this.#requests.length)
    this.#requests.push(request)
    if (this.#random.below(4) === 0) {
      const rival = this.#draw(request.id)
      rival.rival = request
      request.rival = rival
      this.#requests.push(rival)
    }
    for (let i = this.#random.below(3); i >= 0; i--) this.#ask(request)
    if (request.rival !== undefined) this.#ask(request.rival)
  }

  #draw(id: number): Request {
    const asked = this.#drawAsked()
    const none = {
      attempts: 0,
      inFlight: 0,
      answer: undefined,
      said: undefined,
      reused: false,
      isConfirmed: false
    }
    return { id, variant: this.#requests.length, asked, rival: undefined, ...none }
  }

  #drawAsked(): TransactionRequest {
    const any = (of: readonly string[]): Uint8Array =>
      utf8(named(of[this.#random.below(of.length)] as string))
    const by = 1 + this.#random.below(9)
    const steps: Step[] = [
      { type: 'increment', key: any(ACCOUNTS), by: -by },
      { type: 'increment', key: any(ACCOUNTS), by }
    ]
    const drawn = this.#random.below(4)
    if (drawn === 0) return { if: [], steps, otherwise: [] }
    const mark = any(MARKS)
    const fresh = drawn < 3
    const check = { type: 'exists', key: mark, exists: !fresh } as const
    const marked: Step = fresh
      ? { type: 'put', key: mark, value: utf8(`m${this.#requests.length}`) }
      : { type: 'delete', key: mark }
    const otherwise: Step[] = [
      { type: 'get', key: mark },
      { type: 'get', key: any(ACCOUNTS) }
    ]
    // Of what is done otherwise half is written.
    if (this.#random.below(2) === 0) {
      otherwise.push({ type: 'increment', key: any(ACCOUNTS), by: 100 })
    }
    const note = any(NOTES)
    if (this.#random.below(2) === 0) steps.push({ type: 'get', key: note })
    else steps.push({ type: 'put', key: note, value: utf8(`n${by}`) })
    return { if: [check], steps: [...steps, marked, { type: 'get', key: mark }], otherwise }
  }

  #ask(request: Request): void {
    const { id, variant, asked } = request
    const caller = this.#callers[this.#random.below(this.#callers.length)] as Caller
    request.attempts++
    request.inFlight++
    this.inFlight++
    this.attempts++
    const once = {
      key: utf8(`transfer ${id}`),
      digest: new Uint8Array(32).fill(variant & 0xff),
      notAfter: this.#time() + ONCE_LIFE_MS
    }
    const shell = shellOf(caller, this.#life, this.#random)
    runTransaction(shell, { ...asked, once }, { timeoutMs: TIMEOUT_MS }, (outcome) => {
      request.inFlight--
      this.inFlight--
      this.#judge(request, outcome)
      this.#later(request)
    })
  }

  #later(request: Request): void {
    if (!this.#working || request.attempts >= ATTEMPTS_MAX) return
    if (isKnown(request) && this.#random.below(2) === 0) return
    this.#life.timers.after(this.#random.below(2_000), () => {
      if (this.#working) this.#ask(request)
    })
  }

  #judge(request: Request, outcome: TransactionOutcome): void {
    const { id, said, rival } = request
    if (!outcome.ok) {
      const { code } = outcome.failure
      if (code !== 'idempotency_reused') return
      if (request.answer !== undefined) throw new Violation(`transfer ${id} ran, then was reused`)
      if (rival === undefined) throw new Violation(`transfer ${id} was refused without a rival`)
      request.reused = true
      return
    }
    const text = textOf(outcome)
    if (said !== undefined && said !== text) {
      throw new Violation(`transfer ${id} was answered with ${said}, then with ${text}`)
    }
    if (request.reused) throw new Violation(`transfer ${id} was refused as reused, and ran`)
    if (rival?.answer !== undefined) throw new Violation(`transfer ${id} and its rival both ran`)
    request.said = text
    request.answer = outcome
  }

  /** What a door takes for the time of the cluster; right again when all is calm. */
  #time(): number {
    if (this.#working) {
      return this.#life.clock.wall() + this.#random.below(2 * SKEW_MS) - SKEW_MS
    }
    let latest = 0
    for (const { machine } of this.#cluster.nodes) {
      for (const { state } of machine?.host.replicas() ?? []) latest = Math.max(latest, state.time)
    }
    return latest
  }
}

const named = (name: string): string => `transfers/${name}`

function isKnown({ answer, reused }: Request): boolean {
  return answer !== undefined || reused
}

function textOf(outcome: TransactionOutcome & { readonly ok: true }): string {
  const { id, committed, failed, results } = outcome
  const wrote = id === undefined ? '' : `${id.session}-${id.seq}-${id.anchor}`
  return JSON.stringify({ wrote, committed, failed, results: results.map(resultText) })
}

function resultText(result: StepResult): string {
  if (result.type !== 'got') return JSON.stringify(result)
  const { record } = result
  if (record === undefined) return 'nothing'
  return `${utf8Text(record.value)} at ${record.revision}`
}
