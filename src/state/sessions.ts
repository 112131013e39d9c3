import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import type { Command } from '../wire/command.ts'
import type { SessionId } from '../wire/ids.ts'
import { SESSION_BASIS_WINDOW } from '../wire/limits.ts'
import { type Result, readResult, writeResult } from '../wire/result.ts'
import { hex, writeSession } from '../wire/session-id.ts'
import { lasting } from '../wire/slab.ts'
import type { TransactionId } from '../wire/transaction.ts'
import { assert } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import { hashItem, type ItemHash, Multiset } from './hash.ts'
import type { Use } from './keys.ts'
import { SESSION_PREFIX } from './layout.ts'
import type { Table } from './table.ts'

/** Part of what a command means: the same on all replicas of a group, for ever. */
export interface SessionLimits {
  /** Sessions held; one more takes the place of one unused for `unusedMsMin`, or is refused. */
  readonly sessionsMax: number
  /** Unacknowledged results one session may have. */
  readonly sessionResultsMax: number
  /** Unacknowledged results of all sessions together. */
  readonly resultsMax: number
  /** A session may go after more entries than this unused, and more than `unusedMsMin`. */
  readonly basisWindow: number
  readonly unusedMsMin: number
}

export const SESSION_LIMITS: SessionLimits = {
  sessionsMax: 10_000,
  sessionResultsMax: 10_000,
  resultsMax: 100_000,
  basisWindow: SESSION_BASIS_WINDOW,
  unusedMsMin: 10 * 60_000
}

/** Why a command did not run. It left nothing behind, and neither did this copy of it. */
export type Rejection = 'session_expired' | 'stale_request' | 'overloaded'

export interface Session {
  readonly id: SessionId
  /** Commands with a lower basis may have run before it was opened: it refuses them. */
  readonly floor: number
  ackedUpTo: number
  used: Use
  /** By seq, in the order they came. */
  readonly results: Map<number, Result>
  /** What of it stands in the sum: the hash of its record as last counted. */
  counted: ItemHash | undefined
  /** Parts and records of its transactions: it stays as long as there are any. */
  holds: number
}

const SESSION_VERSION = 1

/**
 * Who asked for what already, so that each command happens once (design §7). All of it is
 * replicated state: it depends on entries alone, and two replicas at the same index hold the same.
 *
 * Why no copy of a command can run twice. Let b be its basis, u > b the index where it first ran.
 * Its result is kept until acknowledged (then copies are stale) or the session is evicted. To run
 * again, a copy must find the session absent or opened later, at o, and b no lower than the floor
 * it is opened with. A session is evicted after u + window, and then the floor is at least
 * o - window > b; or earlier, to make room for another, and then `#floor` is u or higher, for ever.
 */
export class Sessions {
  readonly #limits: SessionLimits
  /** Least recently used first. */
  readonly #sessions = new Map<SessionId, Session>()
  /** The last of them, if it is known to be. */
  #youngest: Session | undefined
  readonly #hash = new Multiset()
  #results = 0
  /** Whatever was evicted to make room was last used at this index or before. */
  #floor: number
  /** Changed since they were last encoded. */
  readonly #changed = new Set<Session>()
  /** Encoded (or gone: undefined) and not yet in the table. */
  readonly #unwritten = new Map<SessionId, Uint8Array | undefined>()

  /** `saved`: as loadSessions returns them; `floor`: as it was then. */
  constructor(limits: SessionLimits, saved: readonly Session[], floor: number) {
    this.#limits = limits
    this.#floor = floor
    for (const session of saved) {
      this.#sessions.set(session.id, session)
      this.#results += session.results.size
      if (session.counted !== undefined) this.#hash.add(session.counted)
    }
  }

  get count(): number {
    return this.#sessions.size
  }

  /** How many there are, if none of them would make room for another at `time`; else 0. */
  kept(time: number): number {
    const oldest = this.#oldest
    return oldest !== undefined && this.#isUnused(oldest, time) ? 0 : this.#sessions.size
  }

  /** A command with a lower basis opens no session. */
  get floor(): number {
    return this.#floor
  }

  find(id: SessionId): Session | undefined {
    return this.#sessions.get(id)
  }

  /** Drops what may go at this point of the log. Called before the commands of every entry. */
  evict(index: number, time: number): void {
    for (const session of this.#sessions.values()) {
      if (session.holds > 0) continue
      if (index - session.used.index <= this.#limits.basisWindow) return
      if (!this.#isUnused(session, time)) return
      this.#drop(session)
    }
  }

  /**
   * The session in which `command` runs now, or why it does not run.
   * Requires: `session` is what `find` returned and has no answer to it; `settle` follows if a
   * session is returned.
   */
  enter(session: Session | undefined, command: Command, use: Use): Session | Rejection {
    const { seq, ackedUpTo } = command
    if (seq <= ackedUpTo) return 'stale_request'
    // No sender can have known an index that the group had not reached.
    if (command.basis > use.index) return 'session_expired'
    const floor = session?.floor ?? this.#floorAt(use.index)
    if (command.basis < floor) return 'session_expired'
    if (session !== undefined && this.#isFull(session, ackedUpTo)) return 'overloaded'
    const entered = session ?? this.#open(command.session, floor, use)
    if (typeof entered === 'string') return entered
    this.#acknowledge(entered, ackedUpTo)
    this.touch(entered, use)
    return entered
  }

  /** Keeps the result of the command that entered. */
  settle(session: Session, seq: number, result: Result): void {
    session.results.set(seq, result)
    this.#results++
  }

  /**
   * Keeps what became of a transaction, unless it is kept already or its client said that it will
   * not ask. Opens the session if it is not known. False: there is no room for it.
   */
  remember({ session: id, seq }: TransactionId, result: Result, use: Use): boolean {
    const known = this.#sessions.get(id)
    const session = known ?? this.#open(id, this.#floorAt(use.index), use)
    if (typeof session === 'string') return false
    this.touch(session, use)
    if (seq > session.ackedUpTo && !session.results.has(seq)) this.settle(session, seq, result)
    return true
  }

  /** Whether the client of this transaction said that it will never ask for it again. */
  isAcknowledged({ session, seq }: TransactionId): boolean {
    return seq <= (this.#sessions.get(session)?.ackedUpTo ?? 0)
  }

  /** Whether a command of this basis may have run here in a session that is not known any more. */
  isForgotten(
    { session }: TransactionId,
    { basis, index }: { readonly basis: number; readonly index: number }
  ): boolean {
    return basis < (this.#sessions.get(session)?.floor ?? this.#floorAt(index))
  }

  /** Requires: the session is known, and `release` follows. */
  hold(id: SessionId): void {
    const session = this.#sessions.get(id)
    assert(session !== undefined, 'a transaction of no session')
    session.holds++
  }

  release(id: SessionId): void {
    const session = this.#sessions.get(id)
    assert(session !== undefined && session.holds > 0, 'a session is released and was not held')
    session.holds--
  }

  /** Brings the table up to date. */
  flush(table: Table): void {
    this.#encodeChanged()
    for (const [id, record] of this.#unwritten) table.set(sessionKey(id), record)
    this.#unwritten.clear()
  }

  /** The sum over all session records. */
  hash(): Multiset {
    this.#encodeChanged()
    return this.#hash
  }

  #encodeChanged(): void {
    for (const session of this.#changed) {
      const record = encodeSession(session)
      if (session.counted !== undefined) this.#hash.remove(session.counted)
      session.counted = hashItem(sessionKey(session.id), record, 0)
      this.#hash.add(session.counted)
      this.#unwritten.set(session.id, record)
    }
    this.#changed.clear()
  }

  /** A partition with few writes would else be closed to new senders for as long as it has few. */
  #open(id: SessionId, floor: number, use: Use): Session | Rejection {
    const { sessionsMax, resultsMax } = this.#limits
    if (this.#results >= resultsMax) return 'overloaded'
    if (this.#sessions.size < sessionsMax) return opened(id, floor, use)
    const oldest = this.#oldest
    if (oldest === undefined || !this.#isUnused(oldest, use.time)) return 'overloaded'
    sometimes('state: a session makes room for another')
    this.#floor = Math.max(this.#floor, oldest.used.index)
    this.#drop(oldest)
    return opened(id, floor, use)
  }

  /** Of those that may go. */
  get #oldest(): Session | undefined {
    for (const session of this.#sessions.values()) if (session.holds === 0) return session
    return undefined
  }

  #floorAt(index: number): number {
    return Math.max(0, index - this.#limits.basisWindow, this.#floor)
  }

  #isUnused({ used }: Session, time: number): boolean {
    return time - used.time > this.#limits.unusedMsMin
  }

  #drop(session: Session): void {
    this.#results -= session.results.size
    if (session.counted !== undefined) this.#hash.remove(session.counted)
    this.#sessions.delete(session.id)
    if (session === this.#youngest) this.#youngest = undefined
    this.#changed.delete(session)
    this.#unwritten.set(session.id, undefined)
  }

  #isFull(session: Session, ackedUpTo: number): boolean {
    const { sessionResultsMax, resultsMax } = this.#limits
    if (session.results.size < sessionResultsMax && this.#results < resultsMax) return false
    for (const seq of session.results.keys()) if (seq <= ackedUpTo) return false
    return true
  }

  /** Moves the session to the young end. Every change of a session comes through here. */
  touch(session: Session, use: Use): void {
    session.used = use
    this.#changed.add(session)
    if (session === this.#youngest) return
    this.#youngest = session
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
  }

  #acknowledge(session: Session, upTo: number): void {
    const { results, ackedUpTo } = session
    if (upTo <= ackedUpTo) return
    session.ackedUpTo = upTo
    const before = results.size
    if (upTo - ackedUpTo <= before) {
      // Acknowledgements mostly move by a few: ask for those, not for all that is held.
      for (let seq = ackedUpTo + 1; seq <= upTo; seq++) results.delete(seq)
    } else {
      for (const seq of results.keys()) if (seq <= upTo) results.delete(seq)
    }
    this.#results -= before - results.size
  }
}

/** What `session` answered to `seq` before: its result, or `stale_request`. */
export function answered(session: Session, seq: number): Result | 'stale_request' | undefined {
  if (seq > session.ackedUpTo) return session.results.get(seq)
  sometimes('state: a copy comes after its sender was done with it')
  return 'stale_request'
}

function opened(id: SessionId, floor: number, use: Use): Session {
  return {
    id,
    floor,
    ackedUpTo: 0,
    used: use,
    results: new Map(),
    counted: undefined,
    holds: 0
  }
}

/**
 * Layout: version u8 · floor, ackedUpTo, used index, time, number, count varints · (seq, result)…
 */
function encodeSession(session: Session): Uint8Array {
  const { floor, ackedUpTo, used, results } = session
  const writer = new ByteWriter(64 + results.size * 12)
  writer.u8(SESSION_VERSION).varint(floor).varint(ackedUpTo)
  writer.varint(used.index).varint(used.time).varint(used.number).varint(results.size)
  for (const [seq, result] of results) {
    writer.varint(seq)
    writeResult(writer, result)
  }
  return lasting.copy(writer.finish())
}

/** Throws Malformed unless this version can read the record. */
export function decodeSession(key: Uint8Array, value: Uint8Array): Session {
  if (key.length !== 17 || key[0] !== SESSION_PREFIX[0]) throw new Malformed('not a session key')
  const reader = new ByteReader(value)
  if (reader.u8() !== SESSION_VERSION) throw new Malformed('unknown session version')
  const floor = reader.varint()
  const ackedUpTo = reader.varint()
  const used = { index: reader.varint(), time: reader.varint(), number: reader.varint() }
  const count = reader.varint()
  const results = new Map<number, Result>()
  for (let i = 0; i < count; i++) results.set(reader.varint(), readResult(reader))
  reader.end()
  if (results.size !== count) throw new Malformed('a result twice in one session')
  const id = hex(key.subarray(1))
  return { id, floor, ackedUpTo, used, results, counted: hashItem(key, value, 0), holds: 0 }
}

/** From the records under SESSION_PREFIX, in any order. Throws Malformed. */
export function loadSessions(
  records: readonly (readonly [Uint8Array, Uint8Array])[]
): readonly Session[] {
  const sessions = records.map(([key, value]) => decodeSession(key, value))
  // The counter gives each command a number of its own, so this order is total.
  return sessions.sort((a, b) => a.used.number - b.used.number)
}

function sessionKey(id: SessionId): Uint8Array {
  const writer = new ByteWriter(17).raw(SESSION_PREFIX)
  writeSession(writer, id)
  return lasting.copy(writer.finish())
}
