import type { Replica } from '../partition/replica.ts'
import type { Entry, Index } from '../raft/types.ts'
import { decodeBody } from '../state/entry-body.ts'
import type { Answer } from '../state/state-machine.ts'
import { utf8Text } from '../wire/bytes.ts'
import { type Command, decodeCommand } from '../wire/command.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import { type GroupId, type SessionId, SYSTEM_GROUP } from '../wire/ids.ts'
import { Violation } from './violation.ts'

/** What is known of one session in one group. */
interface Known {
  ackedUpTo: number
  readonly seen: Set<number>
}

/** A key that nothing but unconditional increments has ever touched. */
interface Tally {
  readonly key: Uint8Array
  /** Ascending: where the log stood, and what had been counted by then. */
  readonly totals: (readonly [index: Index, total: number])[]
  /** What was counted, in its order. */
  readonly counted: number[]
}

interface GroupEffects {
  applied: Index
  readonly sessions: Map<SessionId, Known>
  /** Undefined: the key was also changed in another way. */
  readonly tallies: Map<string, Tally | undefined>
}

/**
 * Exactly once (design §7), by an exact counter: however often a command stands in the log, it
 * counts once. Keys that are only ever incremented must hold, on every replica and after every
 * entry, exactly the sum of what distinct commands asked for.
 *
 * Its model of a session is the whole promise: a number counts the first time it comes, unless the
 * session has said that it is done with it, or the copy was sent back: then it must never count.
 */
export class EffectsOracle {
  readonly #groups = new Map<GroupId, GroupEffects>()
  /** Keys that entries spoke of which a replica ran, and has not told to be applied yet. */
  readonly #touched = new WeakMap<Replica, Set<string>>()

  /** `replica` ran `entry`, and its commands were answered so. */
  ran(replica: Replica, entry: Entry, answers: readonly Answer[]): void {
    if (replica.group === SYSTEM_GROUP || entry.kind !== 'command') return
    const touched = this.#touched.get(replica) ?? new Set()
    this.#touched.set(replica, touched)
    this.#run(this.#of(replica.group), entry, { answers, touched })
  }

  /**
   * All that `replica` ran is applied. `isSound`: nothing but its entries can have made its state.
   */
  applied(replica: Replica, isSound: boolean): void {
    const touched = this.#touched.get(replica)
    this.#touched.delete(replica)
    // The state is that of the last of them.
    if (!isSound || touched === undefined) return
    const effects = this.#of(replica.group)
    for (const key of touched) {
      const tally = effects.tallies.get(key)
      if (tally !== undefined) check(replica, tally)
    }
  }

  /** All that was ever counted on `key`, in order; undefined if it is no mere counter. */
  counted(key: string): readonly number[] | undefined {
    for (const { tallies } of this.#groups.values()) {
      if (tallies.has(key)) return tallies.get(key)?.counted
    }
    return []
  }

  #of(group: GroupId): GroupEffects {
    let found = this.#groups.get(group)
    if (found === undefined) {
      found = { applied: 0, sessions: new Map(), tallies: new Map() }
      this.#groups.set(group, found)
    }
    return found
  }

  /** Counts what `entry` does, the first time it is seen; adds the keys it speaks of. */
  #run(
    effects: GroupEffects,
    { index, data }: Entry,
    { answers, touched }: { readonly answers: readonly Answer[]; readonly touched: Set<string> }
  ): void {
    const isNew = index > effects.applied
    effects.applied = Math.max(effects.applied, index)
    for (const [i, bytes] of decodeBody(data).commands.entries()) {
      const command = decodeCommand(bytes)
      const isFirst = isNew && takes(effects.sessions, command, answers[i])
      const operation = changeOf(command)
      if (operation === undefined) continue
      const key = textOf(operation.key)
      if (isFirst) count(effects.tallies, key, command, index)
      touched.add(key)
    }
  }
}

/** Whether this copy of the command is the one that counts. */
function takes(
  sessions: Map<SessionId, Known>,
  { session, seq, ackedUpTo }: Command,
  answer: Answer | undefined
): boolean {
  let known = sessions.get(session)
  if (known === undefined) {
    known = { ackedUpTo: 0, seen: new Set() }
    sessions.set(session, known)
  }
  if (seq <= known.ackedUpTo || known.seen.has(seq)) return false
  // Such a copy may come again under the same number.
  const isRejected = answer?.type === 'rejected'
  if (answer?.type === 'blocked' || (isRejected && answer.code === 'overloaded')) return false
  known.seen.add(seq)
  if (isRejected) return false
  known.ackedUpTo = Math.max(known.ackedUpTo, ackedUpTo)
  return true
}

function count(
  tallies: Map<string, Tally | undefined>,
  key: string,
  { operation }: Command,
  index: Index
): void {
  const isMere = operation.type === 'increment' && operation.ifRevision === undefined
  if (!isMere) {
    tallies.set(key, undefined)
    return
  }
  if (!tallies.has(key)) tallies.set(key, { key: operation.key.slice(), totals: [], counted: [] })
  const tally = tallies.get(key)
  if (tally === undefined) return
  tally.counted.push(operation.by)
  tally.totals.push([index, (tally.totals.at(-1)?.[1] ?? 0) + operation.by])
}

/** The change of a key that a command is, or carries. */
function changeOf({ operation }: Command): DataOperation | undefined {
  switch (operation.type) {
    case 'put':
    case 'delete':
    case 'increment':
    case 'touch':
      return operation
    case 'once':
      return operation.operation
    default:
      return undefined
  }
}

function check({ group, id, state }: Replica, { key, totals }: Tally): void {
  const { index } = state.applied
  let at = totals.length - 1
  while (at >= 0 && (totals[at]?.[0] ?? 0) > index) at--
  const expected = totals[at]?.[1] ?? 0
  const record = state.read(key)
  const held = record === undefined ? 0 : Number(utf8Text(record.value))
  if (held === expected) return
  throw new Violation(
    `group ${group}: replica ${id} counts ${held} at ${index} under ${textOf(key)}, and what was ` +
      `asked for makes ${expected}`
  )
}

const textOf = (key: Uint8Array): string => Buffer.prototype.latin1Slice.call(key, 0, key.length)
