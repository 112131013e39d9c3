import type { CallOutcome } from '../../src/client/inputs.ts'
import { runOnce } from '../../src/gateway/idempotency.ts'
import type { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { Violation } from '../../src/simulation/violation.ts'
import type { Life } from '../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import { ONCE_LIFE_MS } from '../../src/wire/limits.ts'
import type { Result } from '../../src/wire/result.ts'
import type { Random } from '../../src/world/random.ts'
import { type Caller, clientCaller, GatewayCaller, judged } from './callers.ts'
import { checkCounter, type Increment } from './checkers/counter.ts'

/** An increment under an idempotency key, asked for by whoever likes, as often as they like. */
interface Request {
  readonly id: number
  readonly counter: string
  readonly by: number
  /** Another request under the same key. */
  rival: Request | undefined
  attempts: number
  inFlight: number
  answer: { readonly value: number; readonly revision: number } | undefined
  reused: boolean
  /** It goes where its key is changed without taking its idempotency key before. */
  isBold: boolean
}

const COUNTERS = ['count0', 'count1'] as const
const ATTEMPTS_MAX = 6
const TIMEOUT_MS = 4_000
/** What the clocks of those who ask are off by. */
const SKEW_MS = 10_000

/**
 * Goal: whatever happens to those who ask and to the nodes, each idempotency key has one effect and
 * one answer, and of two requests under one key one never happens. Method: increments, each sent
 * several times by several callers, at once and later, some with a rival; after all faults each is
 * sent until its fate is known, and the counters must hold exactly what was counted.
 */
export class RepeatedIncrements {
  attempts = 0
  inFlight = 0
  readonly keys: readonly string[] = COUNTERS
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
    this.#life.timers.after(this.#random.below(1_000), () => {
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
    for (const request of this.#requests) {
      if (!isKnown(request) && request.inFlight === 0) this.#ask(request)
    }
    return this.inFlight === 0 && this.#requests.every(isKnown)
  }

  /** The last values, as `read` finds them. Throws Violation. */
  check(read: (counter: string) => Uint8Array | undefined): void {
    for (const request of this.#requests) {
      if (request.reused && request.rival?.answer === undefined) {
        throw new Violation(`nobody has the idempotency key ${request.id}`)
      }
    }
    for (const counter of COUNTERS) {
      const value = read(counter)
      const final = value === undefined ? 0 : Number(utf8Text(value))
      const counted = this.#requests.filter((one) => one.counter === counter).flatMap(increments)
      const wrong = checkCounter(counted, final)
      if (wrong.length > 0) throw new Violation(`${counter}: ${wrong.join('; ')}`)
    }
  }

  #begin(): void {
    const request = this.#draw(this.#requests.length)
    this.#requests.push(request)
    if (this.#random.below(4) === 0) {
      const rival = this.#draw(request.id)
      if (rival.counter !== request.counter || rival.by !== request.by) {
        rival.rival = request
        request.rival = rival
        // Of one partition, which alone decides between them then.
        request.isBold = rival.isBold =
          rival.counter === request.counter && this.#random.below(2) === 0
        this.#requests.push(rival)
      }
    }
    for (let i = this.#random.below(3); i >= 0; i--) this.#ask(request)
    if (request.rival !== undefined) this.#ask(request.rival)
  }

  #draw(id: number): Request {
    const counter = COUNTERS[this.#random.below(COUNTERS.length)] as string
    const by = 1 + this.#random.below(5)
    const none = {
      rival: undefined,
      attempts: 0,
      inFlight: 0,
      answer: undefined,
      reused: false,
      isBold: false
    }
    return { id, counter, by, ...none }
  }

  #ask(request: Request): void {
    const { id, counter, by } = request
    const caller = this.#callers[this.#random.below(this.#callers.length)] as Caller
    request.attempts++
    request.inFlight++
    this.inFlight++
    this.attempts++
    let over = false
    const end = (outcome: CallOutcome | undefined): void => {
      if (over) return
      over = true
      request.inFlight--
      this.inFlight--
      if (outcome?.ok && outcome.kind === 'mutate') this.#judge(request, outcome.result)
      this.#later(request)
    }
    const call: Parameters<typeof runOnce>[0]['call'] = (operation, { timeoutMs }, done) =>
      caller.call(operation, timeoutMs, done, () => end(undefined))
    const operation = { type: 'increment', key: utf8(counter), by } as const
    const asked = {
      repeatable: { key: utf8(`key ${id}`), notAfter: this.#time() + ONCE_LIFE_MS },
      digest: new Uint8Array(32).fill(16 * COUNTERS.indexOf(counter as 'count0') + by),
      operation,
      timeoutMs: TIMEOUT_MS
    }
    if (!request.isBold) {
      runOnce({ call }, this.#life.clock, asked, end)
      return
    }
    const once = { ...asked.repeatable, digest: asked.digest }
    call({ kind: 'mutate', operation: { type: 'once', once, operation } }, asked, end)
  }

  #later(request: Request): void {
    if (!this.#working || request.attempts >= ATTEMPTS_MAX) return
    if (isKnown(request) && this.#random.below(2) === 0) return
    this.#life.timers.after(this.#random.below(2_000), () => {
      if (this.#working) this.#ask(request)
    })
  }

  #judge(request: Request, result: Result): void {
    const { id, answer, rival } = request
    if (result.type === 'counted') {
      const { value, revision } = result
      if (answer !== undefined && (answer.value !== value || answer.revision !== revision)) {
        throw new Violation(`key ${id} counted to ${answer.value} and to ${value}`)
      }
      if (request.reused) throw new Violation(`key ${id} was refused as reused, and counted`)
      if (rival?.answer !== undefined) throw new Violation(`key ${id} and its rival both counted`)
      request.answer = { value, revision }
    } else if (result.type === 'not-run' && result.why === 'reused') {
      if (answer !== undefined) throw new Violation(`key ${id} counted, and was refused as reused`)
      if (rival === undefined) throw new Violation(`key ${id} was refused without a rival`)
      request.reused = true
    } else if (result.type !== 'not-run' || result.why === 'full') {
      throw new Violation(`key ${id} was answered with ${JSON.stringify(result)}`)
    }
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

function isKnown({ answer, reused }: Request): boolean {
  return answer !== undefined || reused
}

function increments({ id, by, answer }: Request): Increment[] {
  if (answer === undefined) return []
  const { value, revision } = answer
  return [
    {
      client: `key ${id}`,
      by,
      outcome: { type: 'ok', answer: { type: 'counted', value, revision } }
    }
  ]
}
