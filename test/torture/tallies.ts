import type { Random } from '../../src/world/random.ts'
import { checkCounter, type Increment } from '../simulation/checkers/counter.ts'
import type { Outcome } from '../simulation/checkers/linearizable.ts'
import type { Caller } from './callers.ts'
import type { Fate, Fates } from './fates.ts'
import { insistOnSnapshot, snapshotOnce } from './snapshots.ts'
import type { ClientTransactor, Ran } from './transactors.ts'

/** Keys of one tally, each in any partition. */
const KEYS = 3

interface Count {
  readonly client: string
  readonly by: number
  readonly fate: Fate
  /** What each key was counted to; empty: nobody was told. */
  readonly values: readonly string[]
}

/** A counter that is kept under several keys, all counted up at once: they are always the same. */
export class Tallies {
  readonly #random: Random
  readonly #fates: Fates
  readonly #keys: readonly string[]
  readonly #counts: Count[] = []
  readonly #wrong: string[] = []
  #final = 0

  constructor(prefix: string, random: Random, fates: Fates) {
    this.#random = random
    this.#fates = fates
    this.#keys = Array.from({ length: KEYS }, (_, i) => `${prefix}${i}`)
  }

  /** Makes one transaction; returns its code. */
  async one(caller: Caller): Promise<string> {
    const drawn = this.#random.below(4)
    if (drawn < 1) return this.#look(caller)
    const by = 1 + this.#random.below(3)
    const { transactor } = caller
    if (transactor.type === 'client' && drawn < 2) return this.#interact(caller, transactor, by)
    const ops = this.#keys.map((increment) => ({ increment, by }))
    return this.#note(caller, by, await transactor.run({ if: [], ops, else: [] }))
  }

  /** Reads it once more; returns why that is not to be had. */
  async settle(caller: Caller): Promise<string[]> {
    const code = await this.#look(caller, insistOnSnapshot)
    return code === '' ? [] : [`a tally cannot be read on a whole cluster: ${code}`]
  }

  /** Requires: settled. Returns what is wrong. */
  check(): string[] {
    const final = this.#final
    const wrong = this.#keys.flatMap((key, i) => {
      const increments = this.#counts.map((count) => incrementOf(count, i))
      return checkCounter(increments, final).map((what) => `${key}: ${what}`)
    })
    const sure = this.#counts.filter(({ fate }) => fate.outcome === 'ok')
    const least = sure.reduce((sum, { by }) => sum + by, 0)
    if (final < least) wrong.push(`${this.#keys[0]}: ${least} were committed, ${final} are there`)
    return [...this.#wrong, ...wrong]
  }

  async #look(caller: Caller, take = snapshotOnce): Promise<string> {
    const { outcome, values, code } = await take(caller, this.#keys)
    if (outcome !== 'committed') return code
    if (new Set(values).size > 1) this.#wrong.push(`${this.#keys[0]} … are ${values.join(', ')}`)
    this.#final = Number(values[0] ?? 0)
    return ''
  }

  async #interact(caller: Caller, transactor: ClientTransactor, by: number): Promise<string> {
    let values: readonly (string | undefined)[] = []
    const ran = await transactor.transaction(async (tx) => {
      for (const key of this.#keys) tx.increment(key, by)
      values = await tx.getMany(this.#keys)
    })
    return this.#note(caller, by, { ...ran, values: ran.outcome === 'committed' ? values : [] })
  }

  #note(caller: Caller, by: number, ran: Ran): string {
    const values = ran.values.map(String)
    if (new Set(values).size > 1) this.#wrong.push(`${this.#keys[0]} … became ${values.join(', ')}`)
    this.#counts.push({ client: caller.name, by, fate: this.#fates.of(ran), values })
    return ran.code
  }
}

function incrementOf({ client, by, fate, values }: Count, key: number): Increment {
  return { client, by, outcome: outcomeOf(fate, values[key]) }
}

/** Of one that is known to be committed, and not to which value, `Tallies.check` counts. */
function outcomeOf({ outcome }: Fate, value: string | undefined): Outcome {
  if (outcome === 'failed') return { type: 'failed' }
  if (value === undefined) return { type: 'unknown' }
  return { type: 'ok', answer: { type: 'counted', value: Number(value), revision: 0 } }
}
