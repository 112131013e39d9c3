import { partitionOf } from '../../src/keyspace/hash.ts'
import { drawer, KEY_PREFIX, keysOf, type Settings, type TransactionLoad } from './job.ts'

/** Two keys of one transaction. */
export type Pair = readonly [first: string, second: string]

/** What one reads before it writes is rarely the whole store. */
const READ_KEYS_MAX = 10_000
/** With two partitions half of all keys would do; so many in vain are a fault of ours. */
const DRAWS_MAX = 1_000

/** The two keys of each `{tag}`: they share a partition. As many keys as `keysOf(count)`. */
export function taggedPairs(count: number): Pair[] {
  return Array.from({ length: Math.max(1, Math.floor(count / 2)) }, (_, i) => {
    const tagged = `${KEY_PREFIX}{${String(i).padStart(6, '0')}}`
    return [`${tagged}/a`, `${tagged}/b`]
  })
}

/** Draws the keys of one transaction after the other, the same ones for each `seed`. */
export function pairDrawer(
  load: TransactionLoad,
  { keys: count, partitions }: Pick<Settings, 'keys' | 'partitions'>,
  seed: number
): () => Pair {
  if (load === 'tagged') {
    const pairs = taggedPairs(count)
    const draw = drawer(pairs.length, seed)
    return () => pairs[draw()] as Pair
  }
  const keys = keysOf(load === 'rmw' ? Math.min(count, READ_KEYS_MAX) : count)
  const at = keys.map((key) => partitionOf(Buffer.from(key), partitions))
  const draw = drawer(keys.length, seed)
  return () => {
    const first = draw()
    for (let draws = 0; draws < DRAWS_MAX; draws++) {
      const second = draw()
      const fits = partitions > 1 ? at[second] !== at[first] : second !== first
      if (fits) return [keys[first] ?? '', keys[second] ?? '']
    }
    throw new Error('these keys share one partition')
  }
}
