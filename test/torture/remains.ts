import { setTimeout as wait } from 'node:timers/promises'
import { parseMetrics, total } from '../unit/gateway/metrics-parser.ts'
import type { Arena } from './arena.ts'

/** On a whole cluster transactions leave nothing behind that is older. */
const REMAINS_MS_MAX = 30_000
const POLL_MS = 200

const GAUGES = [
  'keymesh_transaction_intents',
  'keymesh_transaction_read_locks',
  'keymesh_transaction_records'
] as const

export interface Remains {
  /** From the call until nothing was left, or time was over. */
  readonly tookMs: number
  /** In words; empty: nothing. */
  readonly left: readonly string[]
}

/**
 * Waits until no replica holds anything of a transaction. Requires: a whole cluster, and nobody
 * who writes.
 */
export async function remainsOf(arena: Arena): Promise<Remains> {
  const began = performance.now()
  for (;;) {
    const left = (await Promise.all(arena.all.map((node) => remainsOn(arena, node)))).flat()
    const tookMs = Math.round(performance.now() - began)
    if (left.length === 0 || tookMs > REMAINS_MS_MAX) return { tookMs, left }
    await wait(POLL_MS)
  }
}

async function remainsOn(arena: Arena, node: number): Promise<string[]> {
  const text = await arena.metrics(node)
  if (text === undefined) return [`node ${node} does not tell what is left of transactions`]
  const scrape = parseMetrics(text)
  return GAUGES.flatMap((gauge) => {
    const value = total(scrape, gauge)
    return value === 0
      ? []
      : [`node ${node}: ${gauge} is ${value} ${REMAINS_MS_MAX} ms after the last write`]
  })
}
