import { Malformed } from '../wire/bytes.ts'
import { hashItem, type Multiset } from './hash.ts'
import { expiryKey, readExpiryKey } from './layout.ts'
import type { Table } from './table.ts'

/** Rows have all they say in their keys. */
const NOTHING = new Uint8Array(0)

/**
 * The keys of one group that have a ttl, in the order in which it ends: a row of the table for
 * each, so that they take no memory, and are in snapshots and there after a start.
 */
export class Expiries {
  /** No ttl that was set since ends before this, nor any other, as far as known; ms since 1970. */
  soonest = 0
  /** Keys that ended by their ttl since the state was opened. */
  ended = 0
  readonly #table: Table
  readonly #hash: Multiset

  constructor(table: Table, hash: Multiset) {
    this.#table = table
    this.#hash = hash
  }

  /** The ttl of `key` ended at `before` and ends at `after` now; undefined: it has none. */
  moved(key: Uint8Array, before: number | undefined, after: number | undefined): void {
    if (before === after) return
    if (before !== undefined) this.#remove(expiryKey(before, key))
    if (after === undefined) return
    const at = expiryKey(after, key)
    this.#hash.add(hashItem(at, NOTHING, 0))
    this.#table.set(at, NOTHING)
    this.expect(after)
  }

  /** Something ends at `time`, or may. */
  expect(time: number): void {
    if (time < this.soonest) this.soonest = time
  }

  /** States that were written before there were rows lack some. */
  #remove(at: Uint8Array): void {
    if (this.#table.get(at) === undefined) return
    this.#hash.remove(hashItem(at, NOTHING, 0))
    this.#table.set(at, undefined)
  }
}

/** Throws Malformed unless `key` and `value` can be such a row. */
export function checkExpiry(key: Uint8Array, value: Uint8Array): void {
  readExpiryKey(key)
  if (value.length > 0) throw new Malformed('an expiry that says more than when')
}
