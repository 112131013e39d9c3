import type { Random } from '../../src/world/random.ts'
import { checkCounter, type Increment } from '../simulation/checkers/counter.ts'
import { type Asked, type Caller, insist, once } from './callers.ts'

/** An increment under an idempotency key, sent until its fate is known, through any node. */
interface Request {
  readonly id: number
  readonly counter: string
  readonly by: number
  /** Every answer it ever had. */
  readonly answers: { readonly value: number; readonly revision: number }[]
}

const COUNTERS = 3
/** Requests asked for again beside those that are new. */
const OPEN_MAX = 20

/**
 * Counters that callers add to. Half of the increments bear an idempotency key and are sent again
 * and again by whoever comes along, until one of them is told what came of it, and sometimes once
 * more: each counts once.
 */
export class Counters {
  readonly #prefix: string
  readonly #random: Random
  readonly #plain = new Map<string, Increment[]>()
  readonly #requests: Request[] = []
  readonly #finals = new Map<string, number>()
  readonly counts = { ok: 0, failed: 0, unknown: 0 }

  constructor(prefix: string, random: Random) {
    this.#prefix = prefix
    this.#random = random
    for (let i = 0; i < COUNTERS; i++) this.#plain.set(`${prefix}${i}`, [])
  }

  /** Makes one call; returns its code. Only callers over HTTP have idempotency keys. */
  one(caller: Caller): Promise<string> {
    const counter = [...this.#plain.keys()][this.#random.below(COUNTERS)] ?? ''
    const by = 1 + this.#random.below(3)
    if (!caller.name.startsWith('http') || this.#random.below(2) === 0) {
      return this.#add(caller, counter, by)
    }
    const open = this.#requests.slice(-OPEN_MAX)
    const again = open[this.#random.below(2 * OPEN_MAX)]
    if (again !== undefined) return this.#send(caller, again)
    const request = { id: this.#requests.length, counter, by, answers: [] }
    this.#requests.push(request)
    return this.#send(caller, request)
  }

  /** Learns what came of every request, and reads the counters; returns what is not to be had. */
  async settle(caller: Caller): Promise<string[]> {
    const ills: string[] = []
    for (const request of this.#requests) {
      if (request.answers.length === 0) await this.#send(caller, request, insist)
      if (request.answers.length === 0) ills.push(`nobody learns of request ${request.id}`)
    }
    for (const counter of this.#plain.keys()) {
      const asked = { key: counter, call: { type: 'get' }, consistency: 'strong' } as const
      const { outcome, code } = await insist(caller, asked)
      const answer = outcome.type === 'ok' ? outcome.answer : undefined
      if (answer?.type === 'value') this.#finals.set(counter, Number(answer.value))
      else if (answer?.type === 'absent') this.#finals.set(counter, 0)
      else ills.push(`${counter} cannot be read on a whole cluster: ${code}`)
    }
    return ills
  }

  /** Requires: settled. Returns what is wrong. */
  check(): string[] {
    const twice = this.#requests.flatMap(({ id, answers }) => {
      const different = new Set(answers.map((answer) => JSON.stringify(answer)))
      return different.size > 1 ? [`request ${id} was answered ${[...different].join(', ')}`] : []
    })
    const wrong = [...this.#finals].flatMap(([counter, final]) => {
      const requests = this.#requests.filter((request) => request.counter === counter)
      const increments = [...(this.#plain.get(counter) ?? []), ...requests.map(increment)]
      return checkCounter(increments, final).map((what) => `${counter}: ${what}`)
    })
    return [...twice, ...wrong]
  }

  async #add(caller: Caller, key: string, by: number): Promise<string> {
    const asked = { key, call: { type: 'increment', by }, consistency: 'strong' } as const
    const { outcome, code } = await caller.ask(asked)
    this.counts[outcome.type]++
    this.#plain.get(key)?.push({ client: caller.name, by, outcome })
    return code
  }

  async #send(caller: Caller, request: Request, ask = once): Promise<string> {
    const { counter: key, by } = request
    const idempotencyKey = `${this.#prefix}-${request.id}`
    const call = { type: 'increment', by } as const
    const asked: Asked = { key, call, consistency: 'strong', idempotencyKey }
    const { outcome, code } = await ask(caller, asked)
    this.counts[outcome.type]++
    if (outcome.type === 'ok' && outcome.answer.type === 'counted') {
      const { value, revision } = outcome.answer
      request.answers.push({ value, revision })
    }
    return code
  }
}

function increment({ id, by, answers }: Request): Increment {
  const [answer] = answers
  if (answer === undefined) return { client: `request ${id}`, by, outcome: { type: 'unknown' } }
  const outcome = { type: 'ok', answer: { type: 'counted', ...answer } } as const
  return { client: `request ${id}`, by, outcome }
}
