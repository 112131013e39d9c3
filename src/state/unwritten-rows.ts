import { hashItem, type Multiset } from './hash.ts'
import type { Table } from './table.ts'

/** A row as the table has it. */
export type Row = readonly [key: Uint8Array, value: Uint8Array]

/** What changed since the last flush, of things that stand in rows of their own. */
export class UnwrittenRows<T> {
  readonly #rowsOf: (thing: T) => readonly Row[]
  /** By name, as they are now; undefined: gone. */
  readonly #changed = new Map<string, T | undefined>()
  /** By name, the keys that the table has. */
  readonly #written = new Map<string, readonly Uint8Array[]>()

  constructor(rowsOf: (thing: T) => readonly Row[]) {
    this.#rowsOf = rowsOf
  }

  /** The table has `thing` already. */
  written(name: string, thing: T): void {
    this.#written.set(
      name,
      this.#rowsOf(thing).map(([key]) => key)
    )
  }

  changed(name: string, thing: T | undefined): void {
    if (thing === undefined && !this.#written.has(name)) this.#changed.delete(name)
    else this.#changed.set(name, thing)
  }

  /** Brings the table up to date. */
  flush(table: Table): void {
    for (const [name, thing] of this.#changed) {
      for (const key of this.#written.get(name) ?? []) table.set(key, undefined)
      this.#written.delete(name)
      if (thing === undefined) continue
      const rows = this.#rowsOf(thing)
      for (const [key, value] of rows) table.set(key, value)
      this.#written.set(
        name,
        rows.map(([key]) => key)
      )
    }
    this.#changed.clear()
  }
}

export function addRows(hash: Multiset, rows: readonly Row[]): void {
  for (const [key, value] of rows) hash.add(hashItem(key, value, 0))
}
