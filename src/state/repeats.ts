import { ByteReader, ByteWriter, equalBytes, Malformed } from '../wire/bytes.ts'
import { DIGEST_BYTES, type Keyed, type Once } from '../wire/once.ts'
import {
  type KeyResult,
  type KnownResult,
  type NotRun,
  readKeptResult,
  writeResult
} from '../wire/result.ts'
import { lasting } from '../wire/slab.ts'
import { assert } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import { hashItem, type Multiset } from './hash.ts'
import { REPEAT_BOUNDS_KEY, REPEAT_PREFIX, repeatKey, repeatSlotKey } from './layout.ts'
import type { Table } from './table.ts'

/** Part of what a command means: the same on all replicas of a group, for ever. */
export interface RepeatLimits {
  /** Idempotency keys held; one more is refused until the oldest may go. */
  readonly repeatsMax: number
  /** How long one is held, in group time after the latest `notAfter` it came with. */
  readonly keptMs: number
  /** What may run for more than this is refused: it would be held for as long. */
  readonly aheadMsMax: number
  /** What answers of transactions may take: no new one is let in where there is more. */
  readonly repeatBytesMax: number
}

/**
 * A door gives each request the same time to run (ONCE_LIFE_MS), so what is repeated within ten
 * minutes bears a `notAfter` ten minutes behind that of the first: one minute is left for what the
 * clocks of doors differ by. A record of a change has at most 220 bytes, its slot 160.
 */
export const REPEAT_LIMITS: RepeatLimits = {
  repeatsMax: 50_000,
  keptMs: 11 * 60_000,
  aheadMsMax: 5 * 60_000,
  repeatBytesMax: 64 * 1024 * 1024
}

/** What is remembered of a request. */
interface Remembered {
  readonly digest: Uint8Array
  /** Group time, ms: it is known up to then, that moment included. */
  readonly until: number
  /** Undefined: its key is taken, and it did not run here. */
  readonly result: KeyResult | KnownResult | undefined
  /** Of a transaction that is under way: what its answer will show. */
  readonly shown?: Uint8Array
}

/** A place in the queue of those that will be forgotten. */
interface Slot {
  /** When to look at it; it may have been prolonged since it got its place. */
  readonly due: number
  readonly key: Uint8Array
}

/** Dropped before the commands of one entry, and by each request that may add one. */
const FORGOTTEN_PER_ENTRY = 8
const FORGOTTEN_PER_REQUEST = 2
const RECORD_VERSION = 1
/** Of a transaction under way. */
const UNDER_WAY_VERSION = 2
/** What a record may have for nothing: how many there are bounds that. */
const RECORD_BYTES_FREE = 256
const DONE: KeyResult = { type: 'done' }

/**
 * What was asked for under which idempotency key, and what came of it (decision 0062). All of it is
 * replicated state, kept in the table and in the hash of the group as keys are.
 *
 * Why nothing runs twice. A request runs only where its key is not known, or taken for it and not
 * run, at a time t <= notAfter; it is then known until notAfter + keptMs. Another command for it
 * runs only after that, and only if its own notAfter is later still: then it was made more than
 * keptMs after the first, by the clocks of those who made them. However late a copy comes, it
 * cannot be mistaken for a new request.
 *
 * Invariant: each record has one slot, and slots have the numbers first to next - 1.
 */
export class Repeats {
  readonly #table: Table
  readonly #hash: Multiset
  readonly #limits: RepeatLimits
  #first = 0
  #next = 0
  /** What records have beyond RECORD_BYTES_FREE each. */
  #bytes = 0
  /** The first slot's; most entries need no more than a comparison with it. */
  #due = Number.POSITIVE_INFINITY

  /** Requires: what the table holds is in `hash` already. */
  constructor(table: Table, hash: Multiset, limits: RepeatLimits) {
    this.#table = table
    this.#hash = hash
    this.#limits = limits
    const bounds = table.get(REPEAT_BOUNDS_KEY)
    if (bounds === undefined) return
    const { first, next, bytes } = decodeBounds(bounds)
    this.#first = first
    this.#next = next
    this.#bytes = bytes
    this.#due = this.#firstDue()
  }

  /** Idempotency keys held, those about to be forgotten included. */
  get count(): number {
    return this.#next - this.#first
  }

  /** Drops what may go at `time`, a bounded number. Called before the commands of every entry. */
  forget(time: number, most = FORGOTTEN_PER_ENTRY): void {
    if (time <= this.#due) return
    for (let left = most; left > 0 && time > this.#due; left--) this.#passFirst(time)
    this.#writeBounds()
  }

  /** Takes the key for the request, if nobody has it. A transaction that ran is told at once. */
  claim(once: Once, time: number): KeyResult | KnownResult {
    this.forget(time, FORGOTTEN_PER_REQUEST)
    const known = this.#known(once.key, time)
    if (known === undefined) {
      const why = this.#reason(once, time)
      if (why !== undefined) return { type: 'not-run', why }
      this.#remember(once, undefined)
      return DONE
    }
    if (!equalBytes(known.digest, once.digest)) {
      sometimes('state: an idempotency key is claimed by another request')
      return { type: 'not-run', why: 'reused' }
    }
    // What it is claimed for may run elsewhere up to its time: the claim must last as long.
    if (this.#isEarly(once, time)) return { type: 'not-run', why: 'early' }
    this.#prolong(once, known)
    if (known.result?.type !== 'known') return DONE
    sometimes('state: a transaction is asked for again and told')
    return known.result
  }

  /**
   * Takes the key for a transaction; undefined: it may run at this time. Whether another one with
   * this key is under way is not looked at.
   */
  take({ once, shown }: Keyed, time: number): KeyResult | KnownResult | undefined {
    const claimed = this.claim(once, time)
    if (claimed.type !== 'done') return claimed
    if (time > once.notAfter) return { type: 'not-run', why: 'late' }
    if (this.#bytes + shown.length <= this.#limits.repeatBytesMax) return undefined
    return { type: 'not-run', why: 'full' }
  }

  /** The transaction runs from now on. Requires: `take` let it, at this time. */
  begin({ once, shown }: Keyed): void {
    this.#change(once, (known) => ({ ...known, shown }))
  }

  /**
   * It is committed, and answered by `said` and what it shows. Nothing is kept if it took so long
   * that its key was forgotten: whoever asks now asks for something new.
   */
  keep(name: OnceName, said: Omit<KnownResult, 'type' | 'shown'>): void {
    this.#change(name, ({ shown, ...known }) => {
      return { ...known, result: { type: 'known', ...said, shown: shown ?? NOTHING } }
    })
  }

  /** It is aborted: its key stays taken, and whoever repeats it may run it. */
  free(name: OnceName): void {
    this.#change(name, ({ shown: _, ...known }) => known)
  }

  /** The result the request had, or that of `run`, which is then kept. */
  once(once: Once, time: number, run: () => KeyResult): KeyResult | KnownResult {
    this.forget(time, FORGOTTEN_PER_REQUEST)
    const known = this.#known(once.key, time)
    if (known !== undefined && !equalBytes(known.digest, once.digest)) {
      sometimes('state: an idempotency key is used by another request')
      return { type: 'not-run', why: 'reused' }
    }
    if (known?.result !== undefined) {
      sometimes('state: a repeat is answered by what the first one did')
      if (!this.#isEarly(once, time)) this.#prolong(once, known)
      return known.result
    }
    const why = this.#reason(once, time)
    if (why !== undefined) return { type: 'not-run', why }
    const result = run()
    this.#remember(once, result, known?.until)
    return result
  }

  #known(key: Uint8Array, time: number): Remembered | undefined {
    const stored = this.#table.get(repeatKey(key))
    const record = stored === undefined ? undefined : decodeRemembered(stored)
    return record === undefined || time > record.until ? undefined : record
  }

  /** Why what did not run yet may not run now, if so. */
  #reason(once: Once, time: number): NotRun | undefined {
    if (time > once.notAfter) return 'late'
    if (this.#isEarly(once, time)) return 'early'
    if (this.count < this.#limits.repeatsMax) return undefined
    return this.#table.get(repeatKey(once.key)) === undefined ? 'full' : undefined
  }

  #isEarly({ notAfter }: Once, time: number): boolean {
    return notAfter - time > this.#limits.aheadMsMax
  }

  #until({ notAfter }: Once): number {
    return Math.min(notAfter + this.#limits.keptMs, Number.MAX_SAFE_INTEGER)
  }

  /** A record whose time was over, and still there, is replaced where it stands. */
  #remember(once: Once, result: KeyResult | undefined, least = 0): void {
    const at = repeatKey(once.key)
    const before = this.#table.get(at)
    const until = Math.max(this.#until(once), least)
    this.#set(at, before, encodeRemembered({ digest: once.digest, until, result }))
    if (before !== undefined) return
    this.#append({ due: until, key: once.key })
    this.#writeBounds()
  }

  /** Who repeats a request may repeat it again: ten minutes count from the last time. */
  #prolong(once: Once, known: Remembered): void {
    const until = this.#until(once)
    if (until <= known.until) return
    const at = repeatKey(once.key)
    this.#set(at, this.#table.get(at), encodeRemembered({ ...known, until }))
  }

  /** A record that is there and of this request, its time over or not. */
  #change({ key, digest }: OnceName, change: (known: Remembered) => Remembered): void {
    const at = repeatKey(key)
    const before = this.#table.get(at)
    const known = before === undefined ? undefined : decodeRemembered(before)
    if (known === undefined || !equalBytes(known.digest, digest)) return
    this.#set(at, before, encodeRemembered(change(known)))
  }

  /** Forgets what the first slot stands for, or gives it a place at the end if it was prolonged. */
  #passFirst(time: number): void {
    const slotAt = repeatSlotKey(this.#first)
    const slot = this.#stored(slotAt)
    const { key } = decodeSlot(slot)
    const at = repeatKey(key)
    const stored = this.#stored(at)
    const { until } = decodeRemembered(stored)
    this.#set(slotAt, slot, undefined)
    this.#first++
    if (time > until) this.#set(at, stored, undefined)
    else this.#append({ due: until, key })
    this.#due = this.#firstDue()
  }

  #append(slot: Slot): void {
    if (this.count === 0) this.#due = slot.due
    this.#set(repeatSlotKey(this.#next), undefined, encodeSlot(slot))
    this.#next++
  }

  #firstDue(): number {
    if (this.count === 0) return Number.POSITIVE_INFINITY
    return decodeSlot(this.#stored(repeatSlotKey(this.#first))).due
  }

  #stored(at: Uint8Array): Uint8Array {
    const stored = this.#table.get(at)
    assert(stored !== undefined, 'a slot or record of an idempotency key is missing')
    return stored
  }

  #writeBounds(): void {
    const writer = new ByteWriter(24).varint(this.#first).varint(this.#next)
    if (this.#bytes > 0) writer.varint(this.#bytes)
    const bounds = lasting.copy(writer.finish())
    this.#set(REPEAT_BOUNDS_KEY, this.#table.get(REPEAT_BOUNDS_KEY), bounds)
  }

  #set(at: Uint8Array, before: Uint8Array | undefined, after: Uint8Array | undefined): void {
    if (before !== undefined) this.#hash.remove(hashItem(at, before, 0))
    if (after !== undefined) this.#hash.add(hashItem(at, after, 0))
    this.#table.set(at, after)
    const more = at[0] === REPEAT_PREFIX[0] ? beyondFree(after) - beyondFree(before) : 0
    if (more === 0) return
    this.#bytes += more
    this.#writeBounds()
  }
}

/** What a request is known by. */
export type OnceName = Pick<Once, 'key' | 'digest'>

const NOTHING = new Uint8Array(0)

/** What a record counts for among those that are too large to be bounded by their number. */
export function beyondFree(record: Uint8Array | undefined): number {
  return Math.max(0, (record?.length ?? 0) - RECORD_BYTES_FREE)
}

/** Numbers of the queue's first slot, and of the one behind its last. */
export interface QueueBounds {
  readonly first: number
  readonly next: number
  /** See beyondFree; of all records. */
  readonly bytes: number
}

/** Of a queue that never had a slot. */
export const NO_BOUNDS: QueueBounds = { first: 0, next: 0, bytes: 0 }

/** Layout: first, next varints · bytes varint, unless 0. Throws Malformed. */
export function decodeBounds(encoded: Uint8Array): QueueBounds {
  const reader = new ByteReader(encoded)
  const queue = { first: reader.varint(), next: reader.varint() }
  const bounds = { ...queue, bytes: reader.remaining > 0 ? reader.varint() : 0 }
  reader.end()
  if (bounds.next < bounds.first) throw new Malformed('a queue that ends before it begins')
  return bounds
}

/**
 * Layout: version u8 · digest 32 bytes · until varint · result, if it ran, to the end. Of a
 * transaction under way what it will show, in its place.
 */
function encodeRemembered({ digest, until, result, shown }: Remembered): Uint8Array {
  const version = shown === undefined ? RECORD_VERSION : UNDER_WAY_VERSION
  const writer = new ByteWriter(64 + (shown?.length ?? 0)).u8(version).raw(digest).varint(until)
  if (shown !== undefined) writer.raw(shown)
  else if (result !== undefined) writeResult(writer, result)
  return lasting.copy(writer.finish())
}

/** Throws Malformed. */
export function decodeRemembered(bytes: Uint8Array): Remembered {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  const isUnderWay = version === UNDER_WAY_VERSION
  if (version !== RECORD_VERSION && !isUnderWay) {
    throw new Malformed('unknown version of a remembered request')
  }
  const digest = reader.raw(DIGEST_BYTES)
  const until = reader.varint()
  if (isUnderWay) {
    return { digest, until, result: undefined, shown: reader.raw(reader.remaining) }
  }
  const result = reader.remaining > 0 ? readKeptResult(reader) : undefined
  reader.end()
  return { digest, until, result }
}

/** Layout: due varint · idempotency key to the end. */
function encodeSlot({ due, key }: Slot): Uint8Array {
  return lasting.copy(new ByteWriter(16 + key.length).varint(due).raw(key).finish())
}

/** Throws Malformed. */
export function decodeSlot(bytes: Uint8Array): Slot {
  const reader = new ByteReader(bytes)
  const due = reader.varint()
  return { due, key: reader.raw(reader.remaining) }
}
