import type { Random } from '../../../src/world/random.ts'
import type { Operation, Outcome } from './linearizable.ts'
import type { Answer, Call } from './register.ts'

export interface Shape {
  readonly clients: number
  readonly operations: number
  /** Of a hundred operations, how many end unknown, and how many fail. */
  readonly unknownPercent: number
  readonly failedPercent: number
}

interface Running {
  readonly client: string
  readonly called: number
  readonly call: Call
  fate: 'ok' | 'failed' | 'unknown'
  answer: Answer | undefined
}

/**
 * A history of one key of a store that is correct by construction: each operation takes effect at
 * one instant between its call and its return, on one variable. Written apart from register.ts on
 * purpose.
 */
export function correctHistory(random: Random, shape: Shape): Operation[] {
  const store = new Store(random)
  const history: Operation[] = []
  /** What each client runs: undefined when idle. */
  const running: (Running | undefined)[] = new Array(shape.clients).fill(undefined)
  /** Unknown operations that have not taken effect yet, and may never. */
  const adrift: Call[] = []
  let time = 0
  let started = 0
  while (started < shape.operations || running.some((r) => r !== undefined)) {
    time++
    if (adrift.length > 0 && random.below(4) === 0) {
      const [call] = adrift.splice(random.below(adrift.length), 1)
      if (call !== undefined) store.take(call)
    }
    const at = random.below(shape.clients)
    const operation = running[at]
    if (operation === undefined) {
      if (started === shape.operations) continue
      started++
      running[at] = begin(random, shape, { client: `c${at}`, called: time, call: store.choose() })
    } else if (operation.fate === 'ok' && operation.answer === undefined) {
      operation.answer = store.take(operation.call)
    } else {
      if (operation.fate === 'unknown') adrift.push(operation.call)
      history.push(finished(operation, time))
      running[at] = undefined
    }
  }
  return history
}

function begin(
  random: Random,
  shape: Shape,
  start: Pick<Running, 'client' | 'called' | 'call'>
): Running {
  const drawn = random.below(100)
  const unknown = drawn < shape.unknownPercent
  const failed = !unknown && drawn < shape.unknownPercent + shape.failedPercent
  return { ...start, fate: unknown ? 'unknown' : failed ? 'failed' : 'ok', answer: undefined }
}

function finished({ client, called, call, fate, answer }: Running, returned: number): Operation {
  const outcome: Outcome =
    fate === 'ok' && answer !== undefined
      ? { type: 'ok', answer }
      : { type: fate === 'failed' ? 'failed' : 'unknown' }
  return { client, key: 'k', called, returned, call, outcome }
}

/** One variable, and a counter that other keys move on, too. */
export class Store {
  readonly #random: Random
  #value: string | undefined
  #revision = 0
  #counter = 0
  #drawn = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** What somebody may ask next. */
  choose(): Call {
    const when = this.#condition()
    const kind = this.#random.below(11)
    if (kind < 4) return { type: 'get' }
    if (kind < 7) return { type: 'put', value: this.#fresh(), ...when }
    if (kind < 8) return { type: 'delete', ...when }
    if (kind < 9) return { type: 'touch', ...when }
    return { type: 'increment', by: this.#random.below(3) + 1, ...when }
  }

  /** Takes effect now. */
  take(call: Call): Answer {
    if (call.type !== 'get' && call.ifRevision !== undefined) {
      const revision = this.#value === undefined ? 0 : this.#revision
      if (call.ifRevision !== revision) return { type: 'conflict', revision }
    }
    if (call.type === 'put') return { type: 'written', revision: this.#write(call.value) }
    if (call.type === 'increment') return this.#increment(call.by)
    if (this.#value === undefined) return { type: 'absent' }
    if (call.type === 'delete') return { type: 'deleted', revision: this.#write(undefined) }
    if (call.type === 'touch') return { type: 'written', revision: this.#write(this.#value) }
    return { type: 'value', value: this.#value, revision: this.#revision }
  }

  #increment(by: number): Answer {
    const before = this.#value === undefined ? 0 : Number(this.#value)
    if (!Number.isInteger(before)) return { type: 'not-a-number' }
    const revision = this.#write(String(before + by))
    return { type: 'counted', value: before + by, revision }
  }

  #write(value: string | undefined): number {
    this.#counter += 1 + this.#random.below(3)
    this.#value = value
    this.#revision = this.#counter
    return this.#counter
  }

  /**
   * Often a number, so that increments meet one; else a text nobody wrote before, or a repeated
   * one.
   */
  #fresh(): string {
    const kind = this.#random.below(4)
    if (kind === 0) return 'same'
    return kind < 3 ? String(this.#random.below(100)) : `v${this.#drawn++}`
  }

  #condition(): { ifRevision?: number } {
    const kind = this.#random.below(6)
    if (kind === 0) return { ifRevision: this.#revision }
    if (kind === 1) return { ifRevision: Math.max(0, this.#revision - this.#random.below(3)) }
    return {}
  }
}
