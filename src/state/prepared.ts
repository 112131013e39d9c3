import { compareBytes, Malformed } from '../wire/bytes.ts'
import type { LockName } from '../wire/lock.ts'
import type { KeySpan } from '../wire/scan.ts'
import type { TransactionId } from '../wire/transaction.ts'
import { assert } from '../world/assert.ts'
import type { Multiset } from './hash.ts'
import type { KeyRecord } from './keys.ts'
import {
  keyText,
  lockText,
  nameOf,
  readTransactionKey,
  TRANSACTION_ROW,
  transactionKey
} from './layout.ts'
import {
  copyHold,
  decodeHold,
  decodePartHead,
  encodeHold,
  encodePartHead,
  type Hold,
  type PartHead,
  type PreparedPart
} from './prepared-rows.ts'
import type { Table } from './table.ts'
import { addRows, type Row, UnwrittenRows } from './unwritten-rows.ts'

/** What a transaction will leave under a key if it commits. */
export interface Intent {
  readonly part: PreparedPart
  /** Undefined: nothing. */
  readonly next: KeyRecord | undefined
}

/** A key that parts hold, as it is now. */
export interface HeldKey {
  readonly key: Uint8Array
  /** The key is what it was then, until they are decided. */
  readonly since: number
  readonly intent: Intent | undefined
}

/** What is held of one key, or of one lock: that has readers only. */
interface Lock {
  intent: Intent | undefined
  readonly readers: Set<PreparedPart>
}

/**
 * The parts of transactions that are prepared in one group, indexed by what they hold. Most are
 * gone before the next flush: only those that are there then are encoded.
 *
 * Invariant: a key has one writer and no reader, or any number of readers.
 */
export class Prepared {
  readonly #parts = new Map<string, PreparedPart>()
  readonly #locks = new Map<string, Lock>()
  readonly #rows = new UnwrittenRows<PreparedPart>(rowsOf)

  /** `rows`: those of parts and of what they hold. Throws Malformed unless they fit together. */
  constructor(rows: readonly Row[]) {
    for (const part of loadParts(rows)) {
      this.#index(part)
      this.#rows.written(nameOf(part.ref), part)
    }
  }

  get count(): number {
    return this.#parts.size
  }

  all(): Iterable<PreparedPart> {
    return this.#parts.values()
  }

  get(id: TransactionId): PreparedPart | undefined {
    return this.#parts.size === 0 ? undefined : this.#parts.get(nameOf(id))
  }

  /** The part that will change `key` if it commits. */
  intentOn(key: Uint8Array): Intent | undefined {
    return this.#locks.size === 0 ? undefined : this.#locks.get(keyText(key))?.intent
  }

  /**
   * The part that holds `key` for the longest time: until it is decided, the key is what it was
   * then, whatever the time. An expiry that a lock did not keep back would be a write beside it.
   */
  holderOf(key: Uint8Array): PreparedPart | undefined {
    if (this.#locks.size === 0) return undefined
    const lock = this.#locks.get(keyText(key))
    let first = lock?.intent?.part
    for (const reader of lock?.readers ?? []) {
      if (first === undefined || reader.time < first.time) first = reader
    }
    return first
  }

  /** All keys of `span` that are held, in no order. */
  heldIn(span: KeySpan): readonly HeldKey[] {
    const held = new Map<string, HeldKey>()
    for (const part of this.#parts.values()) {
      for (const { type, key } of part.holds) {
        if (type === 'lock') continue
        if (compareBytes(key, span.start) < 0) continue
        if (span.end !== undefined && compareBytes(key, span.end) >= 0) continue
        const since = this.holderOf(key)?.time ?? part.time
        held.set(keyText(key), { key, since, intent: this.intentOn(key) })
      }
    }
    return [...held.values()]
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

  /** Who must be decided before this lock may go to somebody else. */
  keeperOf(lock: LockName): PreparedPart | undefined {
    if (this.#locks.size === 0) return undefined
    for (const reader of this.#locks.get(lockText(lock))?.readers ?? []) return reader
    return undefined
  }

  /** Requires: nobody blocks what it holds, and no key is held twice in the same way. */
  add(part: PreparedPart): void {
    // Of its own: what comes in is a view into an entry.
    const kept = { ...part, holds: part.holds.map(copyHold) }
    this.#index(kept)
    this.#rows.changed(nameOf(part.ref), kept)
  }

  /** The part is decided: what it held is free. */
  remove(part: PreparedPart): void {
    const name = nameOf(part.ref)
    assert(this.#parts.delete(name), 'a part that is not prepared')
    for (const hold of part.holds) this.#unlock(part, hold)
    this.#rows.changed(name, undefined)
  }

  flush(table: Table): void {
    this.#rows.flush(table)
  }

  /** The sum over the rows of all parts. */
  addTo(hash: Multiset): void {
    for (const part of this.#parts.values()) addRows(hash, rowsOf(part))
  }

  #index(part: PreparedPart): void {
    this.#parts.set(nameOf(part.ref), part)
    for (const hold of part.holds) {
      const name = heldText(hold)
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
    const name = heldText(hold)
    const lock = this.#locks.get(name)
    assert(lock !== undefined, 'a prepared part holds a key that nobody knows of')
    if (hold.type === 'write') lock.intent = undefined
    else lock.readers.delete(part)
    if (lock.intent === undefined && lock.readers.size === 0) this.#locks.delete(name)
  }
}

function rowsOf(part: PreparedPart): readonly Row[] {
  const { ref, holds } = part
  const head: Row = [transactionKey(TRANSACTION_ROW.part, ref), encodePartHead(part)]
  const held = holds.map(
    (hold, place): Row => [transactionKey(TRANSACTION_ROW.key, ref, place), encodeHold(hold)]
  )
  return [head, ...held]
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
    const { anchor, basis, time, vote } = head
    return { ref: { ...id, anchor, basis }, time, vote, holds }
  })
  if (count !== 0) throw new Malformed('a hold of no part')
  checkLocks(parts)
  return parts
}

/** The invariant of Prepared. Throws Malformed. */
function checkLocks(parts: readonly PreparedPart[]): void {
  const held = new Map<string, { readonly type: Hold['type']; readonly part: PreparedPart }>()
  for (const part of parts) {
    for (const hold of part.holds) {
      const { type } = hold
      const name = heldText(hold)
      const other = held.get(name)
      const isShared = type !== 'write' && other?.type === type && other.part !== part
      if (other !== undefined && !isShared) throw new Malformed('a key that is held twice')
      held.set(name, { type, part })
    }
  }
}

/** What a hold is of, as text. */
function heldText(hold: Hold): string {
  return hold.type === 'lock' ? lockText(hold) : keyText(hold.key)
}
