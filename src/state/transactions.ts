import type { GroupId } from '../wire/ids.ts'
import type { LockName } from '../wire/lock.ts'
import type { Keyed } from '../wire/once.ts'
import type { AbortReason, KeyResult, Result, Vote } from '../wire/result.ts'
import type { KeySpan } from '../wire/scan.ts'
import type { AnchoredTransaction, KeyCheck, TransactionId, Work } from '../wire/transaction.ts'
import { assert } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import { foreignGuard, holds, isOfKey, isOfLock } from './checks.ts'
import { Multiset } from './hash.ts'
import { KeyedTransactions } from './keyed.ts'
import type { KeyRecord, Keys, Running, Use } from './keys.ts'
import { keyText, lockText, nameOf } from './layout.ts'
import type { Guarded, Locks } from './locks.ts'
import { onPaper } from './on-paper.ts'
import { type HeldKey, type Intent, Prepared } from './prepared.ts'
import type { Hold, PreparedPart } from './prepared-rows.ts'
import { Records, type TransactionRecord } from './records.ts'
import type { Repeats } from './repeats.ts'
import type { Sessions } from './sessions.ts'
import type { Table } from './table.ts'
import type { Row } from './unwritten-rows.ts'

/** What work would do here: nothing of it is done yet. */
interface Done {
  readonly results: readonly KeyResult[]
  readonly holds: readonly Hold[]
}

/** What a transaction does here; `keyed`: under an idempotency key, whose group this is. */
interface KeyedWork {
  readonly work: Work
  readonly keyed?: Keyed
}

/** What is in the way of a command, for the time being. */
export type Blocker = AnchoredTransaction | Guarded

/** Another transaction holds a key of it, or somebody its guard. */
export interface Blocked {
  readonly by: Blocker
}

/** What a decision leaves to say to those who hear it for the second time, or come late. */
const COMMITTED: Result = { type: 'ended', committed: true }
const ABORTED: Result = { type: 'ended', committed: false }
const GONE: Result = { type: 'gone' }
const PENDING: Result = { type: 'pending' }
/** Part of what a command means: the same on all replicas of a group, for ever. */
const RECORDS_MAX = 10_000
const PARTS_MAX = 10_000
const BLOCKED: Result = { type: 'aborted', why: 'blocked' }
const CROWDED: Result = { type: 'aborted', why: 'overloaded' }
const NO_ROOM: Result = { type: 'refused', reason: 'overloaded: the table of sessions is full' }

/**
 * What transactions over several groups leave in one of them (docs/transactions.md). All of it is
 * replicated state. The memos of what became of them are results in the session table.
 */
export class Transactions {
  readonly #group: GroupId
  readonly #keys: Keys
  readonly #sessions: Sessions
  readonly #locks: Locks
  readonly #prepared: Prepared
  readonly #records: Records
  readonly #keyed: KeyedTransactions

  /** Throws Malformed unless `rows`, all those of transactions, fit together. */
  constructor(
    group: GroupId,
    rows: readonly Row[],
    beside: {
      readonly keys: Keys
      readonly sessions: Sessions
      readonly locks: Locks
      readonly repeats: Repeats
    }
  ) {
    this.#group = group
    this.#keys = beside.keys
    this.#sessions = beside.sessions
    this.#locks = beside.locks
    const { records, others } = Records.split(rows)
    this.#records = new Records(records)
    this.#prepared = new Prepared(others)
    this.#keyed = new KeyedTransactions(beside.repeats, this.#records.all())
    for (const { id } of this.#records.all()) this.#sessions.hold(id.session)
    for (const { ref } of this.#prepared.all()) this.#sessions.hold(ref.session)
  }

  /** Parts that are prepared and not decided, and records that are not forgotten. */
  get counts(): { readonly parts: number; readonly records: number } {
    return { parts: this.#prepared.count, records: this.#records.count }
  }

  /** Whether any key is held or guarded: else nobody is in anybody's way. */
  get holdsAny(): boolean {
    return this.#prepared.count > 0 || this.#locks.hasGuards
  }

  parts(): Iterable<PreparedPart> {
    return this.#prepared.all()
  }

  records(): Iterable<TransactionRecord> {
    return this.#records.all()
  }

  part(id: TransactionId): PreparedPart | undefined {
    return this.#prepared.get(id)
  }

  record(id: TransactionId): TransactionRecord | undefined {
    return this.#records.get(id)
  }

  /** The key at `time`; while a part holds it, at the time of that. */
  read(key: Uint8Array, time: number): KeyRecord | undefined {
    return this.#keys.read(key, this.#prepared.holderOf(key)?.time ?? time)
  }

  /** See Prepared. */
  heldIn(span: KeySpan): readonly HeldKey[] {
    return this.#prepared.heldIn(span)
  }

  /** The transaction that must be decided before `key` may expire. */
  holderOf(key: Uint8Array): AnchoredTransaction | undefined {
    return this.#prepared.holderOf(key)?.ref
  }

  intentOn(key: Uint8Array): Intent | undefined {
    return this.#prepared.intentOn(key)
  }

  /** What must be over before `key` may be changed. */
  blockerOf(key: Uint8Array): Blocker | undefined {
    return this.#prepared.blockerOf(key, 'write')?.ref ?? this.#locks.guardOf(key)
  }

  /** The same for all of `work`. */
  blockerOfWork({ checks, writes }: Work): Blocker | undefined {
    const relied = checks.filter(isOfKey)
    const part = this.#blocker(relied, 'read') ?? this.#blocker(writes, 'write')
    return part?.ref ?? foreignGuard(this.#locks, { checks, writes })
  }

  /** The transaction that must be decided before this lock may go to somebody else. */
  keeperOfLock(lock: LockName): AnchoredTransaction | undefined {
    return this.#prepared.keeperOf(lock)?.ref
  }

  /** All of a transaction in one step; undefined results in nothing: another one is in the way. */
  transact(id: TransactionId, { work, keyed }: KeyedWork, use: Running): Result | Blocked {
    const before = keyed === undefined ? undefined : this.#enter(keyed, use)
    if (before !== undefined) return before
    const done = this.#try(work, use)
    if (typeof done === 'string') return { type: 'aborted', why: done }
    if ('by' in done) return done
    const vote = this.#vote(done, use)
    this.#settle({ ...done, time: use.time, vote }, use)
    const votes = [vote]
    if (keyed !== undefined) this.#keyed.settle({ session: id.session, seq: id.seq }, keyed, votes)
    return { type: 'transacted', votes }
  }

  /** The part at the anchor, with the record of a coordinator of `term`. */
  create(
    id: TransactionId,
    { work, others, keyed }: KeyedWork & { readonly others: readonly GroupId[] },
    at: { readonly term: number; readonly basis: number; readonly use: Running }
  ): Result {
    const known = this.#records.get(id)
    if (known !== undefined) {
      const mine = known.state === 'pending' && known.term === at.term
      const part = this.#prepared.get(id)
      sometimes('state: a transaction is created twice')
      return mine && part !== undefined ? { type: 'prepared', vote: part.vote } : this.#decision(id)
    }
    if (this.#records.count >= RECORDS_MAX) return CROWDED
    const before = keyed === undefined ? undefined : this.#enter(keyed, at.use)
    if (before !== undefined) return 'by' in before ? BLOCKED : before
    const { session, seq } = id
    const ref = { session, seq, anchor: this.#group, basis: at.basis }
    const result = this.#place(ref, work, at.use)
    if (result.type !== 'prepared') return result
    const { term, use } = at
    this.#sessions.hold(id.session)
    const record = { id: { session, seq }, name: nameOf(id), term, others, time: use.time } as const
    const once = keyed === undefined ? {} : { keyed: this.#keyed.begin(record.id, keyed) }
    this.#records.set({ ...record, ...once, state: 'pending' })
    return result
  }

  /** The part of another participant than the anchor. */
  prepare(ref: AnchoredTransaction, work: Work, use: Running): Result {
    const part = this.#prepared.get(ref)
    if (part === undefined) return this.#place(ref, work, use)
    sometimes('state: a part is prepared twice')
    return { type: 'prepared', vote: part.vote }
  }

  /** See the command of that name. What it returns is kept for the client, too. */
  commit(
    id: TransactionId,
    { term, votes }: { readonly term: number; readonly votes: readonly Vote[] },
    use: Use
  ): Result {
    const record = this.#records.get(id)
    const part = this.#prepared.get(id)
    if (record?.state !== 'pending' || record.term !== term || part === undefined) {
      sometimes('state: a commit comes after the decision')
      return this.#decision(id)
    }
    this.#records.set({ ...record, state: 'committed' })
    this.#end(part, true, use)
    const result = { type: 'transacted', votes: [part.vote, ...votes] } as const
    this.#keyed.commit(record, result.votes)
    this.#sessions.remember(id, result, use)
    return result
  }

  /** Aborts what is pending, or was never heard of; says what became of it. */
  abort(
    id: TransactionId,
    { why, basis }: { readonly why: AbortReason; readonly basis: number },
    use: Use
  ): Result {
    const record = this.#records.get(id)
    if (record?.state === 'pending') {
      this.#records.set({ ...record, state: 'aborted' })
      this.#keyed.abort(record)
      const part = this.#prepared.get(id)
      if (part !== undefined) this.#end(part, false, use)
      this.#sessions.remember(id, { type: 'aborted', why }, use)
      return ABORTED
    }
    const decision = this.#decision(id)
    if (decision !== GONE || this.#sessions.isAcknowledged(id)) return decision
    // It may have been here, and committed, in a session that had to go since.
    if (this.#sessions.isForgotten(id, { basis, index: use.index })) return decision
    // A tombstone: its CREATE may still come.
    sometimes('state: a transaction is aborted before it is known')
    return this.#sessions.remember(id, { type: 'aborted', why }, use) ? ABORTED : NO_ROOM
  }

  /** The decision reaches a participant, for the first time or again. */
  resolve(id: TransactionId, committed: boolean, use: Use): Result {
    const part = this.#prepared.get(id)
    if (part !== undefined) this.#end(part, committed, use)
    else sometimes('state: a decision finds nothing prepared')
    const decision = committed ? COMMITTED : ABORTED
    // Without room nobody can prepare under an unknown session either.
    this.#sessions.remember(id, decision, use)
    return decision
  }

  /** Drops records that are decided and resolved everywhere. */
  forget(transactions: readonly TransactionId[]): Result {
    for (const id of transactions) {
      const record = this.#records.get(id)
      if (record === undefined || record.state === 'pending') continue
      this.#records.remove(record)
      this.#sessions.release(id.session)
    }
    return { type: 'done' }
  }

  /** Brings the table up to date. */
  flush(table: Table): void {
    this.#prepared.flush(table)
    this.#records.flush(table)
  }

  /** The sum over all rows of transactions. */
  hash(): Multiset {
    const hash = new Multiset()
    this.#prepared.addTo(hash)
    this.#records.addTo(hash)
    return hash
  }

  /** What became of it, as far as is known here; only of its anchor. */
  outcome(id: TransactionId): Result {
    const decision = this.#decision(id)
    if (decision.type === 'transacted') return COMMITTED
    return decision.type === 'aborted' || decision.type === 'not-run' ? ABORTED : decision
  }

  /** Takes the idempotency key, or tells what there is to answer, or to wait for. */
  #enter(keyed: Keyed, { time }: Use): Result | Blocked | undefined {
    const told = this.#keyed.enter(keyed, time)
    if (told === undefined || 'type' in told) return told
    const part = this.#prepared.get(told)
    assert(part !== undefined, 'a record is pending without its own part')
    return { by: part.ref }
  }

  /** With all that is kept of it. */
  #decision(id: TransactionId): Result {
    const kept = this.#sessions.find(id.session)?.results.get(id.seq)
    if (kept !== undefined) return kept
    const record = this.#records.get(id)
    return record === undefined ? GONE : told(record)
  }

  #place(ref: AnchoredTransaction, work: Work, use: Running): Result {
    const done = this.#try(work, use)
    if (typeof done === 'string') return { type: 'aborted', why: done }
    if ('by' in done) return BLOCKED
    if (this.#prepared.count >= PARTS_MAX) return CROWDED
    const vote = this.#vote(done, use)
    this.#sessions.hold(ref.session)
    this.#prepared.add({ ref, time: use.time, vote, holds: done.holds })
    return { type: 'prepared', vote }
  }

  #end(part: PreparedPart, committed: boolean, use: Use): void {
    this.#prepared.remove(part)
    this.#sessions.release(part.ref.session)
    if (committed) this.#settle(part, use)
  }

  #settle({ holds, time, vote }: Pick<PreparedPart, 'holds' | 'time' | 'vote'>, use: Use): void {
    const prepared = { time, revision: revisionIn(vote) ?? use.number }
    for (const hold of holds) {
      if (hold.type === 'write') this.#keys.settle(hold.key, hold.next, prepared, use)
    }
  }

  #vote({ results }: Done, { index }: Use): Vote {
    return { group: this.#group, applied: index, results }
  }

  /** Checks, then writes on paper. */
  #try({ checks, writes }: Work, use: Running): Done | Blocked | AbortReason {
    const required = checks.filter(isOfLock)
    const relied = checks.filter(isOfKey)
    // Whoever waits for keys meanwhile may have lost them: he is told that first, and for good.
    if (!required.every((check) => this.#locks.isHeld(check, check.token))) return 'fenced'
    const by = this.blockerOfWork({ checks, writes }) ?? this.#keeperOf(relied, use.time)
    if (by !== undefined) return { by }
    for (const check of relied) {
      if (!holds(check, this.read(check.key, use.time))) return 'moved'
    }
    const isOver = writes.some(({ key }) => this.#keys.isOver(key, use.time))
    // As with a single write over an expired key: the expiry has the number below.
    const own = isOver ? { ...use, number: use.draw() } : use
    const paper = onPaper(writes, (key) => this.read(key, use.time), own)
    if (typeof paper === 'string') return paper
    const { results, written } = paper
    const reads = new Map<string, Hold>()
    for (const { key } of relied) {
      const name = keyText(key)
      if (!written.has(name)) reads.set(name, { type: 'read', key })
    }
    for (const { guard, key } of required) {
      reads.set(lockText({ guard, key }), { type: 'lock', guard, key })
    }
    return { results, holds: [...reads.values(), ...written.values()] }
  }

  /**
   * Who keeps a key from expiring that `checks` are about, and whose time is over: a part that
   * relied on it now would begin to hold it too late.
   */
  #keeperOf(checks: readonly KeyCheck[], time: number): AnchoredTransaction | undefined {
    for (const { key } of checks) {
      const holder = this.holderOf(key)
      if (holder === undefined || this.#keys.read(key, time) !== undefined) continue
      if (this.read(key, time) !== undefined) return holder
    }
    return undefined
  }

  #blocker(
    of: readonly { readonly key: Uint8Array }[],
    use: 'read' | 'write'
  ): PreparedPart | undefined {
    for (const { key } of of) {
      const blocker = this.#prepared.blockerOf(key, use)
      if (blocker !== undefined) return blocker
    }
    return undefined
  }
}

/** All that a part writes has one. Undefined: it changes nothing. */
function revisionIn({ results }: Vote): number | undefined {
  for (const result of results) if ('revision' in result) return result.revision
  return undefined
}

function told({ state }: TransactionRecord): Result {
  if (state === 'pending') return PENDING
  return state === 'committed' ? COMMITTED : ABORTED
}
