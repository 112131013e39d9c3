import type { Outcome } from './linearizable.ts'

/** One increment of one counter that started absent; only positive amounts tell counts apart. */
export interface Increment {
  readonly client: string
  readonly by: number
  readonly outcome: Outcome
}

/**
 * Whether every increment was applied exactly once: at most once if its outcome is unknown, never
 * if it failed. `final` is the counter after everything ended. Unlike the linearizability check it
 * looks at the whole life of a counter, however long. Returns what is wrong, or nothing.
 */
export function checkCounter(increments: readonly Increment[], final: number): string[] {
  const wrong: string[] = []
  const answered = new Map<number, Increment>()
  let least = 0
  let most = 0
  for (const increment of increments) {
    const { by, outcome, client } = increment
    if (by <= 0) throw new Error('a counter check needs positive amounts')
    if (outcome.type === 'failed') continue
    most += by
    if (outcome.type === 'unknown') continue
    least += by
    if (outcome.answer.type !== 'counted') {
      wrong.push(`${client} was answered ${outcome.answer.type} to an increment`)
      continue
    }
    const { value } = outcome.answer
    const other = answered.get(value)
    if (other !== undefined) wrong.push(`${client} and ${other.client} both counted to ${value}`)
    answered.set(value, increment)
    if (value > final) wrong.push(`${client} counted to ${value}, and the counter ends at ${final}`)
    if (value < by) wrong.push(`${client} added ${by} and counted to ${value}`)
  }
  if (final < least) wrong.push(`${least} were acknowledged, ${final} are there: some were lost`)
  if (final > most) wrong.push(`${most} were asked for, ${final} are there: some applied twice`)
  return [...wrong, ...overlaps(answered)]
}

/** An increment by n that ends at v owns v - n + 1 … v: two that share a number lost an update. */
function overlaps(answered: ReadonlyMap<number, Increment>): string[] {
  const wrong: string[] = []
  let last = 0
  for (const [value, { by, client }] of [...answered].sort(([a], [b]) => a - b)) {
    if (value - by < last) wrong.push(`${client} counted ${by} up to ${value} over ${last}`)
    last = value
  }
  return wrong
}
