import { Refused } from '../../cluster/refused.ts'
import { at, rounded } from './figures.ts'

/** Syncs of the logs of all nodes in a stretch of time. */
export interface LogSyncs {
  readonly count: number
  readonly meanMs: number
  /** Between two bounds of a histogram, as if evenly spread there. */
  readonly p50Ms: number
}

/** What the nodes counted since they started. */
export interface SyncCounts {
  readonly sumMs: number
  /** Cumulative, as in /metrics: how many took at most so many milliseconds. */
  readonly buckets: readonly { readonly ms: number; readonly count: number }[]
}

const NAME = 'keymesh_log_sync_duration_seconds'
const BUCKET = new RegExp(`^${NAME}_bucket\\{.*le="([^"]+)".*\\} (\\S+)$`, 'gm')
const SUM = new RegExp(`^${NAME}_sum(?:\\{.*\\})? (\\S+)$`, 'm')

/** Of all nodes together. */
export async function syncCounts(urls: readonly string[]): Promise<SyncCounts> {
  const each = await Promise.all(urls.map(countsOf))
  return {
    sumMs: each.reduce((sum, { sumMs }) => sum + sumMs, 0),
    buckets: (each[0]?.buckets ?? []).map(({ ms }, i) => {
      const count = each.reduce((sum, { buckets }) => sum + (buckets[i]?.count ?? 0), 0)
      return { ms, count }
    })
  }
}

async function countsOf(url: string): Promise<SyncCounts> {
  const response = await fetch(`${url}/metrics`)
  const text = await response.text()
  if (!response.ok) throw new Refused(`${url}/metrics answers ${response.status}: ${text}`)
  const buckets = [...text.matchAll(BUCKET)].map(([, bound, count]) => {
    return {
      ms: bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound) * 1_000,
      count: Number(count)
    }
  })
  const sum = SUM.exec(text)?.[1]
  if (buckets.length === 0 || sum === undefined) throw new Refused(`${url}: no ${NAME}`)
  return { sumMs: Number(sum) * 1_000, buckets }
}

/** The syncs between two counts; several such stretches together. */
export function syncsBetween(
  stretches: readonly (readonly [before: SyncCounts, after: SyncCounts])[]
): LogSyncs {
  const sumMs = total(stretches, ({ sumMs }) => sumMs)
  const bounds = (stretches[0]?.[0].buckets ?? []).map(({ ms }) => ms)
  const counts = bounds.map((_, i) => total(stretches, ({ buckets }) => buckets[i]?.count ?? 0))
  const count = counts.at(-1) ?? 0
  const meanMs = rounded(sumMs / Math.max(1, count))
  return { count, meanMs, p50Ms: rounded(middle(bounds, counts)) }
}

function total(
  stretches: readonly (readonly [SyncCounts, SyncCounts])[],
  of: (counts: SyncCounts) => number
): number {
  return stretches.reduce((sum, [before, after]) => sum + of(after) - of(before), 0)
}

function middle(bounds: readonly number[], cumulative: readonly number[]): number {
  const half = (cumulative.at(-1) ?? 0) / 2
  const i = cumulative.findIndex((count) => count >= half && count > 0)
  if (i < 0) return 0
  const [from, to] = [bounds[i - 1] ?? 0, bounds[i] ?? 0]
  const [below, upTo] = [cumulative[i - 1] ?? 0, cumulative[i] ?? 0]
  // The last bucket has no end.
  return Number.isFinite(to) ? at([from, to], (half - below) / (upTo - below)) : from
}
