import { Malformed } from '../wire/bytes.ts'
import type { TransactionId } from '../wire/transaction.ts'
import { assert } from '../world/assert.ts'
import { hashItem, type Multiset } from './hash.ts'
import type { KeyRecord } from './keys.ts'
import { readTransactionKey, TRANSACTION_ROW, transactionKey } from './layout.ts'
import {
  decodeHold,
  decodePartHead,
  encodeHold,
  encodePartHead,
  type Hold,
  type PartHead,
  type PreparedPart
} from './prepared-rows.ts'
import type { Table } from './table.ts'

/** A row as the table has it. */
export type Row = readonly [key: Uint8Array, value: Uint8Array]

/** What a transaction will leave under a key if it commits. */
export interface Intent {
  readonly part: PreparedPart
  /** Undefined: nothing. */
  readonly next: KeyRecord | undefined
}

/** What is held of one key. */
interface Lock {
  intent: Intent | undefined
  readonly readers: Set<PreparedPart>
}

/** A transaction's name as text: the same name, the same text. */
export const nameOf = ({ session, seq }: TransactionId): string => `${session}-${seq}`

/**
 * The parts of transactions that are prepared in one group: kept in the table and in the hash of
 * the group as keys are, and indexed by what they hold.
 *
 * Invariant: a key has one writer, or any number of readers, or one part that is both.
 */
export class Prepared {
  readonly #table: Table
  readonly #hash: Multiset
  readonly #parts = new Map<string, PreparedPart>()
  readonly #locks = new Map<string, Lock>()

  /** `rows`: those of parts and of what they hold. Throws Malformed unless they fit together. */
  constructor(table: Table, hash: Multiset, rows: readonly Row[]) {
    this.#table = table
    this.#hash = hash
    for (const part of loadParts(rows)) this.#index(part)
  }

  get count(): number {
    return this.#parts.size
  }

  all(): Iterable<PreparedPart> {
    return this.#parts.values()
  }

  get(id: TransactionId): PreparedPart | undefined {
    return this.#parts.get(nameOf(id))
  }

  /** The part that will change `key` if it commits. */
  intentOn(key: Uint8Array): Intent | undefined {
    return this.#locks.size === 0 ? undefined : this.#locks.get(keyText(key))?.intent
  }

  /** Who must be decided before anybody may read `key` in order to rely on it, or change it. */
  blockerOf(key: Uint8Array, use: 'read' | 'write'): PreparedPart | undefined {
    if (this.#locks.size === 0) return undefined
    const lock = this.#locks.get(keyText(key))
    if (lock === undefined) return undefined
    if (use === 'read' || lock.intent !== undefined) return lock.intent?.part
    for (const reader of lock.readers) return reader
    return undefined
  }

  /** Requires: nobody blocks what it holds, and no key is held twice in the same way. */
  add(part: Omit<PreparedPart, 'holds'>, holds: readonly Hold[]): void {
    const { ref } = part
    // Of its own: what comes in is a view into an entry.
    const encoded = holds.map(encodeHold)
    const kept = { ...part, holds: encoded.map(decodeHold) }
    this.#set(transactionKey(TRANSACTION_ROW.part, ref), undefined, encodePartHead(kept))
    for (const [place, row] of encoded.entries()) {
      this.#set(transactionKey(TRANSACTION_ROW.key, ref, place), undefined, row)
    }
    this.#index(kept)
  }

  /** The part is decided: what it held is free. */
  remove(part: PreparedPart): void {
    const { ref } = part
    assert(this.#parts.delete(nameOf(ref)), 'a part that is not prepared')
    this.#set(transactionKey(TRANSACTION_ROW.part, ref), encodePartHead(part), undefined)
    for (const [place, hold] of part.holds.entries()) {
      this.#set(transactionKey(TRANSACTION_ROW.key, ref, place), encodeHold(hold), undefined)
      this.#unlock(part, hold)
    }
  }

  #index(part: PreparedPart): void {
    this.#parts.set(nameOf(part.ref), part)
    for (const hold of part.holds) {
      const name = keyText(hold.key)
      let lock = this.#locks.get(name)
      if (lock === undefined) {
        lock = { intent: undefined, readers: new Set() }
        this.#locks.set(name, lock)
      }
      if (hold.type === 'write') lock.intent = { part, next: hold.next }
      else lock.readers.add(part)
    }
  }

  #unlock(part: PreparedPart, hold: Hold): void {
    const name = keyText(hold.key)
    const lock = this.#locks.get(name)
    assert(lock !== undefined, 'a prepared part holds a key that nobody knows of')
    if (hold.type === 'write') lock.intent = undefined
    else lock.readers.delete(part)
    if (lock.intent === undefined && lock.readers.size === 0) this.#locks.delete(name)
  }

  #set(at: Uint8Array, before: Uint8Array | undefined, after: Uint8Array | undefined): void {
    if (before !== undefined) this.#hash.remove(hashItem(at, before, 0))
    if (after !== undefined) this.#hash.add(hashItem(at, after, 0))
    this.#table.set(at, after)
  }
}

/** Throws Malformed unless each part has all it holds, once, and nothing else is there. */
export function loadParts(rows: readonly Row[]): readonly PreparedPart[] {
  const heads: { readonly id: TransactionId; readonly head: PartHead }[] = []
  const held = new Map<string, Hold[]>()
  let count = 0
  for (const [key, value] of rows) {
    const { kind, place, ...id } = readTransactionKey(key)
    if (kind === TRANSACTION_ROW.part) heads.push({ id, head: decodePartHead(value) })
    else {
      const holds = held.get(nameOf(id)) ?? []
      holds[place] = decodeHold(value)
      held.set(nameOf(id), holds)
      count++
    }
  }
  const parts = heads.map(({ id, head }) => {
    const holds = held.get(nameOf(id)) ?? []
    for (let i = 0; i < Math.max(head.count, holds.length); i++) {
      if (holds[i] === undefined || i >= head.count) throw new Malformed('a part with holes')
    }
    count -= head.count
    const { anchor, time, vote } = head
    return { ref: { ...id, anchor }, time, vote, holds }
  })
  if (count !== 0) throw new Malformed('a hold of no part')
  return parts
}

/** Bytes as text, one unit each: for the keys of a map. */
export function keyText(key: Uint8Array): string {
  let name = ''
  for (const byte of key) name += String.fromCharCode(byte)
  return name
}
