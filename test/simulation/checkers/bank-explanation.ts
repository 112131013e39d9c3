export interface Move {
  readonly from: string
  readonly to: string
  /** Above zero. */
  readonly amount: number
}

/** Choices looked at before giving up. */
const STEPS_MAX = 1_000_000

/** Moves that are alike: only how many of them were made matters. */
interface Kind extends Move {
  count: number
}

/**
 * Whether some of `moves`, each once or not at all, change the accounts by just what is `missing`.
 * A search, account by account, that remembers what led nowhere; a choice that leaves most room
 * for the rest goes first, for of many small moves almost any choice can be made good later.
 */
export function explain(
  missing: ReadonlyMap<string, number>,
  moves: readonly Move[],
  stepsMax = STEPS_MAX
): 'explained' | 'unexplained' | 'undecided' {
  const search = new Search(missing, moves, stepsMax)
  if (search.run()) return 'explained'
  return search.gaveUp ? 'undecided' : 'unexplained'
}

/** What can still be brought to an account, and taken from it. */
interface Range {
  readonly gain: number
  readonly loss: number
}

const NOTHING: Range = { gain: 0, loss: 0 }

class Search {
  gaveUp = false
  readonly #kinds: readonly Kind[]
  readonly #missing: Map<string, number>
  /** By the kinds from each place on. */
  readonly #rest: readonly ReadonlyMap<string, Range>[]
  readonly #hopeless = new Set<string>()
  #stepsLeft: number

  constructor(missing: ReadonlyMap<string, number>, moves: readonly Move[], stepsMax: number) {
    this.#missing = new Map(missing)
    this.#stepsLeft = stepsMax
    this.#kinds = inOrder(moves)
    this.#rest = restOf(this.#kinds)
  }

  run(): boolean {
    const isInReach = [...this.#missing].every(([name, by]) => this.#strain(name, by, 0) <= 1)
    return isInReach && this.#isExplainedFrom(0)
  }

  /** Whether the kinds from `place` on explain what is missing. */
  #isExplainedFrom(place: number): boolean {
    const kind = this.#kinds[place]
    if (kind === undefined) return [...this.#missing.values()].every((by) => by === 0)
    const state = `${place} ${[...this.#missing.values()].join()}`
    if (this.#hopeless.has(state)) return false
    for (const count of this.#choices(kind, place + 1)) {
      if (this.#stepsLeft-- <= 0) {
        this.gaveUp = true
        return false
      }
      this.#take(kind, count)
      if (this.#isExplainedFrom(place + 1)) return true
      this.#take(kind, -count)
    }
    if (!this.gaveUp) this.#hopeless.add(state)
    return false
  }

  #take({ from, to, amount }: Move, count: number): void {
    this.#missing.set(from, this.#at(from) + count * amount)
    this.#missing.set(to, this.#at(to) - count * amount)
  }

  /** How many of a kind may be made, so that what comes at `next` can do the rest. */
  #choices({ from, to, amount, count }: Kind, next: number): number[] {
    const choices: { readonly count: number; readonly strain: number }[] = []
    for (let made = 0; made <= count; made++) {
      const sides = [
        this.#strain(from, this.#at(from) + made * amount, next),
        this.#strain(to, this.#at(to) - made * amount, next)
      ]
      const strain = Math.max(...sides)
      if (strain <= 1) choices.push({ count: made, strain })
    }
    return choices.sort((a, b) => a.strain - b.strain).map((choice) => choice.count)
  }

  /** How far `missing` is from the middle of what can still be done: at most 1, or in vain. */
  #strain(account: string, missing: number, next: number): number {
    const { gain, loss } = this.#rest[next]?.get(account) ?? NOTHING
    if (gain + loss === 0) return missing === 0 ? 0 : Number.POSITIVE_INFINITY
    return Math.abs(missing - (gain - loss) / 2) / ((gain + loss) / 2)
  }

  #at(account: string): number {
    return this.#missing.get(account) ?? 0
  }
}

/** Account by account, those with few moves first; large amounts first, small ones fill gaps. */
function inOrder(moves: readonly Move[]): Kind[] {
  const kinds = new Map<string, Kind>()
  const degrees = new Map<string, number>()
  for (const { from, to, amount } of moves) {
    const id = JSON.stringify([from, to, amount])
    const kind = kinds.get(id) ?? { from, to, amount, count: 0 }
    kind.count++
    kinds.set(id, kind)
    for (const account of [from, to]) degrees.set(account, (degrees.get(account) ?? 0) + 1)
  }
  const accounts = [...degrees].sort(([, a], [, b]) => a - b).map(([account]) => account)
  const ranks = new Map(accounts.map((account, rank) => [account, rank]))
  const rankOf = ({ from, to }: Move): number =>
    Math.min(ranks.get(from) as number, ranks.get(to) as number)
  return [...kinds.values()].sort((a, b) => rankOf(a) - rankOf(b) || b.amount - a.amount)
}

function restOf(kinds: readonly Kind[]): ReadonlyMap<string, Range>[] {
  let rest = new Map<string, Range>()
  const rests = [rest]
  for (const { from, to, amount, count } of kinds.toReversed()) {
    const { gain, loss } = rest.get(from) ?? NOTHING
    const payee = rest.get(to) ?? NOTHING
    rest = new Map(rest)
    rest.set(from, { gain, loss: loss + amount * count })
    rest.set(to, { gain: payee.gain + amount * count, loss: payee.loss })
    rests.push(rest)
  }
  return rests.reverse()
}
