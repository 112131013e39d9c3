import type { Shell } from '../../src/client/course.ts'
import { Violation } from '../../src/simulation/violation.ts'
import type { Life } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import type { DataOperation } from '../../src/wire/data-operation.ts'
import type { Check } from '../../src/wire/transaction.ts'
import type { Random } from '../../src/world/random.ts'
import { type Caller, lookAt, shellOf } from './callers.ts'

const TIMEOUT_MS = 2_000
/** Short: transactions have to meet within the few milliseconds that one takes. */
const PAUSE_MS_MAX = 20
const TTL_MS_MAX = 300
const LAMPS: readonly Uint8Array[] = ['lamp/left', 'lamp/right'].map(utf8)

/**
 * Goal: what a transaction only checks stays so until it is decided. Method: of two lamps one is
 * lit only where the other is out, which two transactions may find at once; nobody may ever see
 * both lit.
 */
export class Lamps {
  calls = 0
  inFlight = 0
  readonly #callers: readonly Caller[]
  readonly #random: Random
  readonly #life: Life
  #wrong: string | undefined
  /** In some runs lamps go out by themselves. */
  readonly #fades: boolean
  #working = true

  constructor(
    callers: readonly Caller[],
    { random, life }: { readonly random: Random; readonly life: Life }
  ) {
    this.#callers = callers
    this.#random = random
    this.#life = life
    this.#fades = random.below(4) === 0
  }

  start(): void {
    // Each caller does two things at a time.
    for (const caller of [...this.#callers, ...this.#callers]) {
      const next = (): void => {
        this.#life.timers.after(this.#random.below(PAUSE_MS_MAX), () => {
          if (this.#working) this.#do(caller, next)
        })
      }
      next()
    }
  }

  stop(): void {
    this.#working = false
  }

  /** Requires: stopped, nothing in flight, no faults. */
  readAll(): void {
    const [caller] = this.#callers as [Caller]
    this.#look(caller, () => {})
  }

  /** Throws Violation. */
  check(): void {
    if (this.#wrong !== undefined) throw new Violation(`the lamps: ${this.#wrong}`)
  }

  #do(caller: Caller, done: () => void): void {
    const drawn = this.#random.below(6)
    const own = this.#random.below(2)
    if (drawn < 1) this.#look(caller, done)
    else if (drawn < 4) this.#light(caller, own, done)
    else this.#call(caller, { checks: [], writes: [this.#putOut(own)] }, done)
  }

  #light(caller: Caller, own: number, done: () => void): void {
    const [key, other] = [LAMPS[own] as Uint8Array, LAMPS[1 - own] as Uint8Array]
    const check: Check =
      this.#random.below(2) === 0
        ? { type: 'exists', key: other, exists: false }
        : { type: 'revision', key: other, revision: 0 }
    const ttl = this.#fades ? { ttlMs: 1 + this.#random.below(TTL_MS_MAX) } : {}
    const put = { type: 'put', key, value: utf8(caller.name), ...ttl } as const
    const writes: DataOperation[] = [put]
    // In any partition: so that some other node coordinates it, and the parts come in any order.
    const aside = utf8(`lamp/${caller.name} ${this.#random.below(4)}`)
    if (this.#random.below(2) === 0) writes.push({ type: 'increment', key: aside, by: 1 })
    this.#call(caller, { checks: [check], writes }, done)
  }

  #putOut(own: number): DataOperation {
    return { type: 'delete', key: LAMPS[own] as Uint8Array }
  }

  #look(caller: Caller, done: () => void): void {
    const called = this.#life.clock.monotonic()
    const shell: Shell = shellOf(caller, this.#life, this.#random)
    this.#begin()
    lookAt(caller, shell, { keys: LAMPS, timeoutMs: TIMEOUT_MS }, (read) => {
      this.inFlight--
      if (read.ok && read.records.every((record) => record !== undefined)) {
        this.#wrong ??= `${caller.name} sees both lit at ${called}`
      }
      done()
    })
  }

  #call(
    caller: Caller,
    work: { readonly checks: readonly Check[]; readonly writes: readonly DataOperation[] },
    done: () => void
  ): void {
    this.#begin()
    const end = (): void => {
      this.inFlight--
      done()
    }
    const inOrder = this.#random.below(4) === 0
    caller.call({ kind: 'transact', inOrder, ...work }, TIMEOUT_MS, end, end)
  }

  #begin(): void {
    this.calls++
    this.inFlight++
  }
}
