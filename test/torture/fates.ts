import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../../src/world/random.ts'
import type { Caller } from './callers.ts'
import type { Ran, State } from './transactors.ts'

/** So long a transaction may be undecided on a whole cluster. */
const DECIDED_MS_MAX = 30_000
const PAUSE_MS = 200
/** Of those whose outcome is known one in so many is asked for as well. */
const ONE_IN = 4

/** What is known of one transaction: more, once somebody asked for it. */
export interface Fate {
  outcome: 'ok' | 'failed' | 'unknown'
  /** When it was known. */
  returned: number | undefined
}

interface Open {
  readonly id: string
  readonly fate: Fate
}

/**
 * What became of transactions, told by their answers and by whoever is asked for them later: an
 * answer of either kind must be the truth. Who was told `committed` or `aborted` of an unknown one
 * knows its outcome from then on, so that the checkers hold the answer against all that was seen.
 */
export class Fates {
  /** What was answered to those who asked. */
  readonly answers: Record<State, number> = {
    committed: 0,
    aborted: 0,
    pending: 0,
    gone: 0,
    unasked: 0
  }
  /** Of all transactions, as they were told at first. */
  readonly told = { ok: 0, failed: 0, unknown: 0 }
  readonly #random: Random
  #open: readonly Open[] = []
  readonly #contradictions: string[] = []

  constructor(random: Random) {
    this.#random = random
  }

  /** `ran` was answered just now. */
  of({ outcome, id }: Ran): Fate {
    const known = outcome === 'committed' ? 'ok' : 'failed'
    const fate: Fate =
      outcome === 'unknown'
        ? { outcome, returned: undefined }
        : { outcome: known, returned: performance.now() }
    this.told[fate.outcome]++
    const isAsked = outcome === 'unknown' || (known === 'ok' && this.#random.below(ONE_IN) === 0)
    if (id !== undefined && isAsked) this.#open = [...this.#open, { id, fate }]
    return fate
  }

  /** Asks for one of them; false: there is none, or this caller cannot ask. */
  async one(caller: Caller): Promise<boolean> {
    const open = this.#open[this.#random.below(Math.max(1, this.#open.length))]
    if (open === undefined || caller.transactor.type !== 'http') return false
    await this.#ask(caller, open)
    return true
  }

  /** Asks for all of them. Requires: a whole cluster. Returns what is still undecided. */
  async settle(caller: Caller): Promise<string[]> {
    const end = performance.now() + DECIDED_MS_MAX
    while (this.#open.length > 0 && performance.now() < end) {
      for (const open of this.#open) await this.#ask(caller, open)
      if (this.#open.length > 0) await wait(PAUSE_MS)
    }
    return this.#open.map(({ id }) => `nobody knows of ${id} after ${DECIDED_MS_MAX} ms`)
  }

  /** What was told of transactions and is not true of them. */
  check(): readonly string[] {
    return this.#contradictions
  }

  async #ask(caller: Caller, open: Open): Promise<void> {
    const { transactor } = caller
    if (transactor.type !== 'http') throw new Error('only over HTTP one can ask for a transaction')
    const { id, fate } = open
    const before = fate.outcome
    const state = await transactor.stateOf(id)
    this.answers[state]++
    if (state === 'unasked') return
    if (contradicts(state, before) || (state !== 'pending' && contradicts(state, fate.outcome))) {
      this.#contradictions.push(`${id} was ${fate.outcome}, and ${state} when asked for`)
    } else if (state === 'pending') return
    this.#open = this.#open.filter((other) => other !== open)
    if (fate.outcome !== 'unknown' || state === 'gone') return
    fate.outcome = state === 'committed' ? 'ok' : 'failed'
    fate.returned = performance.now()
  }
}

/** Whether a transaction of known outcome cannot be told of so. */
function contradicts(state: State, known: Fate['outcome']): boolean {
  if (known === 'unknown' || state === 'gone') return false
  return (state === 'committed') !== (known === 'ok')
}
