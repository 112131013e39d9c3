/**
 * What somebody did with the one coin. `moves` counts how often it was moved: of a look, as each
 * place showed it that held a coin; of a move, what it made of the count.
 */
export type CoinEvent =
  | {
      readonly type: 'look'
      readonly client: string
      readonly called: number
      readonly returned: number
      readonly moves: readonly number[]
    }
  | {
      readonly type: 'move'
      readonly client: string
      readonly called: number
      /** Undefined only if the outcome is unknown. */
      readonly returned: number | undefined
      readonly moves: number
      readonly outcome: 'ok' | 'failed' | 'unknown'
    }

interface Known {
  readonly at: number
  readonly moves: number
}

/**
 * What is wrong with `events`; undefined: nothing. The last of them is a look at the end of all.
 * Moves form one chain: each names its place in it, so that everything that returned bounds from
 * below what may be seen, or made, after it.
 */
export function checkCoin(events: readonly CoinEvent[]): string | undefined {
  return torn(events) ?? twice(events) ?? backwards(events) ?? miscounted(events)
}

/** The coin lay in two places at once. */
function torn(events: readonly CoinEvent[]): string | undefined {
  const seen = events.find(({ type, moves }) => type === 'look' && (moves as number[]).length > 1)
  return seen === undefined ? undefined : `${name(seen)} shows it in several places`
}

/** Two moves took it from the same place in the chain. */
function twice(events: readonly CoinEvent[]): string | undefined {
  const made = new Map<number, CoinEvent>()
  for (const event of events) {
    if (event.type !== 'move' || event.outcome !== 'ok') continue
    const other = made.get(event.moves)
    if (other !== undefined) return `${name(other)} and ${name(event)} are the same move`
    made.set(event.moves, event)
  }
  return undefined
}

/** Something was older than what was known when it began. */
function backwards(events: readonly CoinEvent[]): string | undefined {
  const known: Known[] = []
  for (const event of events) {
    const at = event.returned
    if (at !== undefined && isSure(event)) known.push({ at, moves: countOf(event) })
  }
  known.sort((a, b) => a.at - b.at)
  const begun = events.filter(isSure).sort((a, b) => a.called - b.called)
  let next = 0
  let least = 0
  for (const event of begun) {
    for (; (known[next]?.at ?? Number.POSITIVE_INFINITY) < event.called; next++) {
      least = Math.max(least, known[next]?.moves ?? 0)
    }
    const moves = countOf(event)
    if (moves < least || (event.type === 'move' && moves === least)) {
      return `${name(event)} comes after move ${least} was seen`
    }
  }
  return undefined
}

/** The chain is longer than what was asked for, or shorter than what was done. */
function miscounted(events: readonly CoinEvent[]): string | undefined {
  const last = events.at(-1)
  if (last?.type !== 'look') return 'nobody looked in the end'
  const of = (outcome: string): number =>
    events.filter((event) => event.type === 'move' && event.outcome === outcome).length
  const [ok, unknown, moves] = [of('ok'), of('unknown'), countOf(last)]
  if (moves >= ok && moves <= ok + unknown) return undefined
  return `${name(last)} ends it, and ${ok} moves were made, ${unknown} maybe`
}

const isSure = (event: CoinEvent): boolean => event.type === 'look' || event.outcome === 'ok'

/** Where there is no coin it was never moved. */
function countOf({ moves }: CoinEvent): number {
  return typeof moves === 'number' ? moves : Math.max(0, ...moves)
}

const name = ({ type, client, called, returned, moves }: CoinEvent): string =>
  `${client} [${called}, ${returned ?? '…'}] ${type} ${moves}`
