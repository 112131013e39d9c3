import { hashItem, type ItemHash, Multiset } from './hash.ts'
import type { Table } from './table.ts'
import type { Row } from './unwritten-rows.ts'

/**
 * Things that stand in one row each, and the sum over these rows. Nothing is encoded before the sum
 * or the table is asked for: whatever changes ten times in between is encoded once.
 */
export class CountedRows<T> {
  readonly #rowOf: (thing: T) => Row
  /** By name, as they are now; undefined: gone. */
  readonly #changed = new Map<string, T | undefined>()
  /** By name, what stands in the sum. */
  readonly #counted = new Map<string, { readonly key: Uint8Array; readonly hash: ItemHash }>()
  /** In the sum, and not yet in the table. */
  readonly #unwritten = new Map<string, readonly [Uint8Array, Uint8Array | undefined]>()
  readonly #hash = new Multiset()

  constructor(rowOf: (thing: T) => Row) {
    this.#rowOf = rowOf
  }

  /** The table has this row already. */
  written(name: string, row: Row): void {
    this.#count(name, row)
  }

  changed(name: string, thing: T | undefined): void {
    this.#changed.set(name, thing)
  }

  /** The sum over all rows. */
  hash(): Multiset {
    for (const [name, thing] of this.#changed) {
      const before = this.#counted.get(name)
      if (before !== undefined) {
        this.#hash.remove(before.hash)
        this.#counted.delete(name)
        this.#unwritten.set(name, [before.key, undefined])
      }
      if (thing === undefined) continue
      const row = this.#rowOf(thing)
      this.#count(name, row)
      this.#unwritten.set(name, row)
    }
    this.#changed.clear()
    return this.#hash
  }

  /** Brings the table up to date. */
  flush(table: Table): void {
    this.hash()
    for (const [key, value] of this.#unwritten.values()) table.set(key, value)
    this.#unwritten.clear()
  }

  #count(name: string, [key, value]: Row): void {
    const hash = hashItem(key, value, 0)
    this.#counted.set(name, { key, hash })
    this.#hash.add(hash)
  }
}
