import { partitionOf } from '../keyspace/hash.ts'
import { groupOfPartition } from '../wire/ids.ts'
import { behindKey } from '../wire/scan.ts'
import type { Change, Key, Range, WatchOptions } from './api.ts'
import { checkNames, checkSignal } from './arguments.ts'
import { invalid, UndecodableError } from './errors.ts'
import { groupsOf } from './ranges.ts'
import type { Scope } from './scope.ts'
import type { WatchItem, WatchRequest } from './watcher.ts'

const NAMES = ['key', 'prefix', 'start', 'end', 'from', 'signal'] as const

/** What a watch is about, and where it begins, checked. */
export interface CheckedWatch extends Pick<WatchRequest, 'span' | 'groupsOf' | 'from'> {
  readonly signal: AbortSignal | undefined
}

/** Throws what is wrong with the options. */
export function checkWatch<V>(scope: Scope<V>, options: WatchOptions): CheckedWatch {
  checkNames(options, NAMES)
  const { from, signal, ...what } = options
  if ('from' in options && typeof from !== 'string') {
    throw invalid('from is the cursor of a change: leave it out to begin now')
  }
  return { ...watched(scope, what), from, signal: checkSignal(signal) }
}

function watched<V>(
  scope: Scope<V>,
  what: Range | { readonly key: Key }
): Pick<WatchRequest, 'span' | 'groupsOf'> {
  if (!('key' in what)) {
    const spanned = scope.ranged(what)
    if (groupsOf(spanned, 1).length === 0) throw invalid('there are no keys between start and end')
    return { span: spanned.span, groupsOf: (partitions) => groupsOf(spanned, partitions) }
  }
  if (Object.keys(what).length > 1) throw invalid('watch one key, or a range: not both')
  const key = scope.whole(what.key)
  return {
    span: { start: key, end: behindKey(key) },
    groupsOf: (partitions) => [groupOfPartition(partitionOf(key, partitions))]
  }
}

/** What a program is told of `item`. Throws UndecodableError, with the cursor behind it. */
export function changeIn<V, T extends V>(scope: Scope<V>, item: WatchItem): Change<T> {
  if (item.type === 'progress') return item
  const { change, cursor } = item
  const { revision, value, expired } = change
  const named = scope.shown(change.key)
  if (value === undefined) {
    const { key, keyBytes } = named.keyEntry({ value: NOTHING, revision })
    return { type: 'delete', key, keyBytes, revision, expired, cursor }
  }
  try {
    const entry = named.entry<T>({ value, revision })
    if (entry !== undefined) return { type: 'put', ...entry, cursor }
  } catch (error) {
    throw error instanceof UndecodableError ? error.at(cursor) : error
  }
  throw new TypeError('an entry of a record that is there')
}

const NOTHING = new Uint8Array(0)
