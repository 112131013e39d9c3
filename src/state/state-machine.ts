import type { Index, Term } from '../raft/types.ts'
import type { ClusterMap } from '../wire/cluster-map.ts'
import {
  type Command,
  type DecisionType,
  decodeCommand,
  isDecisionType,
  type Operation
} from '../wire/command.ts'
import { type GroupId, type SessionId, SYSTEM_GROUP } from '../wire/ids.ts'
import type { KeyResult, Result } from '../wire/result.ts'
import type { TransactionOperation } from '../wire/transaction.ts'
import { assert, unreachable } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import { Cluster } from './cluster.ts'
import { decodeBody } from './entry-body.ts'
import type { Expiries } from './expiries.ts'
import type { Multiset } from './hash.ts'
import type { ChangeListener } from './key-change.ts'
import { type KeyRecord, Keys, type Running } from './keys.ts'
import { META_KEY } from './layout.ts'
import { runLock } from './lock-commands.ts'
import { Locks } from './locks.ts'
import { encodeMeta, type Saved } from './meta.ts'
import { isOwn, type OwnOperation, runOwn } from './own-commands.ts'
import { Repeats } from './repeats.ts'
import { answered, type Rejection, type Session, Sessions } from './sessions.ts'
import { STATE_LIMITS, type StateLimits } from './state-limits.ts'
import type { Table } from './table.ts'
import { type Blocked, type Blocker, Transactions } from './transactions.ts'

/**
 * What became of one command. `rejected`, `blocked`: this copy did not run and nothing of it is
 * kept.
 */
export type Answer =
  | { readonly type: 'result'; readonly result: Result }
  | { readonly type: 'rejected'; readonly code: Rejection; readonly applied: Index }
  /** What it is about is held by somebody: the same again once it is not. */
  | { readonly type: 'blocked'; readonly by: Blocker }

export interface StateMachineOptions {
  readonly group: GroupId
  readonly table: Table
  /** Where they are others than the usual ones. */
  readonly limits?: Partial<StateLimits> | undefined
}

/** The answer of a command that ran, or never will. */
export type Given = Exclude<Answer, { readonly type: 'blocked' }>

type DecisionOperation = Extract<TransactionOperation, { readonly type: DecisionType }>

/** Those that are a client's, and happen once by the session table. */
type GatedOperation = Exclude<Operation, DecisionOperation | OwnOperation>

function isDecision(operation: Operation): operation is DecisionOperation {
  return isDecisionType(operation.type)
}

/** Where the log stands that a state is the sum of. */
export interface Applied {
  readonly index: Index
  readonly term: Term
}

const wrongGroup = (why: string): Result => ({ type: 'refused', reason: `wrong_group: ${why}` })
const NOT_HERE = wrongGroup('the system group holds no keys')
const NOT_SYSTEM = wrongGroup('only the system group knows the nodes')
const NOT_ALONE = wrongGroup('a transaction of other groups, or of several')
const DONE: Result = { type: 'done' }
/** Under this number nothing was run, and nothing will be: a copy asks again under another. */
const ANSWERED: Result = { type: 'aborted', why: 'ended' }
const NO_BYTES = new Uint8Array(0)

/**
 * One replica's state: what the entries of its group mean. It depends on nothing but them, in their
 * order: replicas that applied the same entries hold the same state, whatever flushes, restarts
 * and snapshots came between.
 *
 * Every command takes the next number of the counter, whatever becomes of it; that number is the
 * revision of the key it writes. Each grant of a lock draws another one, its token.
 */
export class StateMachine {
  readonly #system: boolean
  readonly #table: Table
  readonly #hash: Multiset
  readonly #keys: Keys
  readonly #sessions: Sessions
  readonly #repeats: Repeats
  readonly #cluster: Cluster | undefined
  readonly #group: GroupId
  readonly transactions: Transactions
  readonly locks: Locks
  #applied: Applied
  #counter: number
  #time: number
  #configuration: Uint8Array
  #configurationIndex: Index
  #flushed = true
  readonly #draw = (): number => ++this.#counter

  /** Throws Malformed when the table's cluster map cannot be read. */
  constructor(options: StateMachineOptions, saved: Saved) {
    const { meta } = saved
    this.#group = options.group
    this.#system = options.group === SYSTEM_GROUP
    this.#table = options.table
    this.#hash = saved.dataHash
    this.#keys = new Keys(options.table, this.#hash, {
      count: meta?.keys ?? 0,
      opened: meta?.index ?? 0
    })
    const limits = { ...STATE_LIMITS, ...options.limits }
    this.#sessions = new Sessions(limits, saved.sessions, meta?.sessionFloor ?? 0)
    this.#repeats = new Repeats(options.table, this.#hash, limits)
    this.#cluster = this.#system ? new Cluster(options.table, this.#hash) : undefined
    this.locks = new Locks(limits, saved.locks, this.#draw)
    const tables = { keys: this.#keys, sessions: this.#sessions, repeats: this.#repeats }
    const beside = { ...tables, locks: this.locks }
    this.transactions = new Transactions(options.group, saved.transactions, beside)
    this.#applied = { index: meta?.index ?? 0, term: meta?.term ?? 0 }
    this.#counter = meta?.counter ?? 0
    this.#time = meta?.time ?? 0
    this.#configuration = meta?.configuration ?? NO_BYTES
    this.#configurationIndex = meta?.configurationIndex ?? 0
  }

  get applied(): Applied {
    return this.#applied
  }

  /** Tells each change of a key from now on; undefined: to nobody. */
  set listener(listener: ChangeListener | undefined) {
    this.#keys.listener = listener
  }

  /** The number that was taken last; no position of a change is above it. */
  get counter(): number {
    return this.#counter
  }

  /** The latest entry time; never goes back. */
  get time(): number {
    return this.#time
  }

  /** The configuration in force at `applied`, as the driver encoded it; empty before the first. */
  get configuration(): Uint8Array {
    return this.#configuration
  }

  get configurationIndex(): Index {
    return this.#configurationIndex
  }

  /** Key records held, expired ones not yet swept included. */
  get keyCount(): number {
    return this.#keys.count
  }

  /** Keys that have a ttl. */
  get expiries(): Expiries {
    return this.#keys.expiries
  }

  get sessionCount(): number {
    return this.#sessions.count
  }

  /** The same while none of them could make room for another, else 0: they near their bound. */
  get sessionsKept(): number {
    return this.#sessions.kept(this.#time)
  }

  /** Idempotency keys held. */
  get repeatCount(): number {
    return this.#repeats.count
  }

  /** Starts an empty state at the initial mark of its group. Requires: nothing applied yet. */
  begin(applied: Applied, configuration: Uint8Array): void {
    assert(this.#applied.index === 0 && this.#counter === 0, 'the state has begun already')
    this.#applied = applied
    this.setConfiguration(configuration, applied.index)
  }

  /** The configuration entry at `index` is being applied; `skip` follows. Keeps `bytes`. */
  setConfiguration(bytes: Uint8Array, index: Index): void {
    this.#configuration = bytes
    this.#configurationIndex = index
    this.#flushed = false
  }

  /** An entry without commands of its own: empty, or a configuration. */
  skip(index: Index, term: Term): void {
    this.#advance(index, term)
  }

  /**
   * Applies a command entry; one answer per command, in order. Throws Malformed at an entry this
   * version cannot read: the replica must stop then, for going on would make it differ. So whoever
   * proposes reads each command first, and new kinds wait for `clusterVersion`.
   */
  apply(index: Index, term: Term, body: Uint8Array): readonly Answer[] {
    const { time, commands } = decodeBody(body)
    const decoded = commands.map(decodeCommand)
    this.#advance(index, term)
    if (time > this.#time) this.#time = time
    this.#sessions.evict(index, this.#time)
    this.#repeats.forget(this.#time)
    return decoded.map((command) => this.#run(command))
  }

  /** The answer this command has already, if any: ask before proposing it. */
  lookup(id: SessionId, seq: number): Given | undefined {
    return this.#answered(this.#sessions.find(id), seq)
  }

  /**
   * The key at `time`, the state's own: one that expires later than that is still there, and so is
   * one that a transaction holds.
   */
  read(key: Uint8Array): KeyRecord | undefined {
    return this.transactions.read(key, this.#time)
  }

  /** See Keys. */
  quietSince(key: Uint8Array): Index {
    return this.#keys.quietSince(key)
  }

  /** System group only; the same object until the map changes. Undefined before the first. */
  clusterMap(): ClusterMap | undefined {
    return this.#cluster?.map
  }

  /** Requires: the system group, before any entry; the same map on all initial members. */
  seedClusterMap(map: ClusterMap): void {
    assert(this.#cluster !== undefined, 'only the system group has a cluster map')
    assert(this.#cluster.map === undefined && this.#counter === 0, 'the map is seeded already')
    this.#cluster.put(map)
    this.#flushed = false
  }

  /** Puts into the table whatever is not there yet: all of the state at `applied` is then in it. */
  prepareFlush(): void {
    if (this.#flushed) return
    this.#sessions.flush(this.#table)
    this.transactions.flush(this.#table)
    this.locks.flush(this.#table)
    const meta = encodeMeta({
      index: this.#applied.index,
      term: this.#applied.term,
      counter: this.#counter,
      time: this.#time,
      configurationIndex: this.#configurationIndex,
      configuration: this.#configuration,
      keys: this.#keys.count,
      sessions: this.#sessions.count,
      sessionFloor: this.#sessions.floor,
      dataHash: this.#hash.plus(this.transactions.hash()).plus(this.locks.hash()),
      sessionHash: this.#sessions.hash()
    })
    this.#table.set(META_KEY, meta)
    this.#flushed = true
  }

  /**
   * Equal on all replicas at the same applied index; different, almost surely, if a bit differs.
   */
  digest(): string {
    const sessions = `${this.#sessions.hash()}-${this.#sessions.floor}`
    const data = this.#hash.plus(this.locks.hash())
    return `${data}-${sessions}-${this.#counter}-${this.#keys.count}`
  }

  #advance(index: Index, term: Term): void {
    assert(index === this.#applied.index + 1, `entry ${index} after ${this.#applied.index}`)
    assert(term >= this.#applied.term, `term ${term} after ${this.#applied.term}`)
    this.#applied = { index, term }
    this.#flushed = false
  }

  #run(command: Command): Answer {
    const { index } = this.#applied
    const use = { index, time: this.#time, number: ++this.#counter, draw: this.#draw }
    const { operation } = command
    if (isDecision(operation)) {
      return { type: 'result', result: this.#decide(command, operation, use) }
    }
    if (isOwn(operation)) {
      const { locks, transactions } = this
      const parts = { keys: this.#keys, locks, transactions }
      return { type: 'result', result: runOwn(parts, operation, use) }
    }
    const session = this.#sessions.find(command.session)
    const before = this.#answered(session, command.seq)
    if (before !== undefined) {
      sometimes('state: a command stands in the log twice')
      if (session !== undefined && before.type === 'result') this.#sessions.touch(session, use)
      return before
    }
    const entered = this.#sessions.enter(session, command, use)
    if (typeof entered === 'string') return this.#rejected(entered)
    const result = this.#execute(command, operation, use)
    if ('by' in result) return { type: 'blocked', by: result.by }
    // Of a transaction that is not decided there is nothing to keep: its part is there.
    if (result.type !== 'prepared' && result.type !== 'pending') {
      this.#sessions.settle(entered, command.seq, result.type === 'known' ? ANSWERED : result)
    }
    return { type: 'result', result }
  }

  #answered(session: Session | undefined, seq: number): Given | undefined {
    const before = session === undefined ? undefined : answered(session, seq)
    if (before === undefined) return undefined
    return before === 'stale_request' ? this.#rejected(before) : { type: 'result', result: before }
  }

  /** These name a transaction, and are the same whoever sends them: no session is asked. */
  #decide(id: Command, operation: DecisionOperation, use: Running): Result {
    if (this.#system) return NOT_HERE
    switch (operation.type) {
      case 'commit':
        return this.transactions.commit(id, operation, use)
      case 'abort':
        return this.transactions.abort(id, operation, use)
      case 'resolve':
        return this.transactions.resolve(id, operation.committed, use)
      case 'forget':
        return this.transactions.forget(operation.transactions)
      default:
        return unreachable(operation)
    }
  }

  #execute(
    { session, seq, basis }: Command,
    operation: GatedOperation,
    now: Running
  ): Result | Blocked {
    switch (operation.type) {
      case 'put':
      case 'delete':
      case 'increment':
      case 'touch':
        return this.#change(operation.key, () => this.#keys.apply(operation, now))
      case 'claim':
        return this.#system ? NOT_HERE : this.#repeats.claim(operation.once, now.time)
      case 'once': {
        const run = (): KeyResult => this.#keys.apply(operation.operation, now)
        const { once } = operation
        return this.#change(operation.operation.key, () => {
          return this.#repeats.once(once, now.time, run)
        })
      }
      case 'tick':
        return DONE
      case 'register-node':
        return this.#cluster === undefined ? NOT_SYSTEM : this.#cluster.register(operation.node)
      case 'transact': {
        const [part, ...others] = operation.parts
        if (part?.group !== this.#group || others.length > 0) return NOT_ALONE
        const { keyed } = operation
        const work = { work: part, ...(keyed === undefined ? {} : { keyed }) }
        return this.transactions.transact({ session, seq }, work, now)
      }
      case 'create': {
        const at = { term: this.#applied.term, basis, use: now }
        return this.#system ? NOT_HERE : this.transactions.create({ session, seq }, operation, at)
      }
      case 'prepare': {
        const { anchor, anchorBasis, work } = operation
        if (this.#system) return NOT_HERE
        return this.transactions.prepare({ session, seq, anchor, basis: anchorBasis }, work, now)
      }
      case 'acquire':
      case 'renew':
      case 'release':
      case 'leave':
        return this.#system ? NOT_HERE : runLock(this, operation, now)
      default:
        return unreachable(operation)
    }
  }

  #change(key: Uint8Array, run: () => Result): Result | Blocked {
    if (this.#system) return NOT_HERE
    const by = this.transactions.holdsAny ? this.transactions.blockerOf(key) : undefined
    return by === undefined ? run() : { by }
  }

  #rejected(code: Rejection): Given {
    return { type: 'rejected', code, applied: this.#applied.index }
  }
}
