import type { Entry, Index } from '../raft/types.ts'
import { decodeBody } from '../state/entry-body.ts'
import { lockText, nameOf } from '../state/layout.ts'
import type { LockRecord, Place } from '../state/lock-record.ts'
import type { Answer, StateMachine } from '../state/state-machine.ts'
import { decodeCommand, type Operation } from '../wire/command.ts'
import type { GroupId } from '../wire/ids.ts'
import type { LockName } from '../wire/lock.ts'
import type { Result } from '../wire/result.ts'
import type { LockCheck, Work } from '../wire/transaction.ts'
import { Violation } from './violation.ts'

interface SeenPlace {
  readonly ticket: number
  readonly token: number
  readonly shared: boolean
  readonly owner: string
  readonly renewals: number
}

interface SeenLock {
  readonly lock: LockName | undefined
  readonly token: number
  /** The transaction that relies on it. */
  readonly keeper: string | undefined
  readonly holders: readonly SeenPlace[]
  readonly queue: readonly SeenPlace[]
}

/** A replica, as far as it is looked at. */
interface Seen {
  readonly group: GroupId
  readonly state: Pick<StateMachine, 'locks' | 'transactions'>
}

const NOBODY: SeenLock = { lock: undefined, token: 0, keeper: undefined, holders: [], queue: [] }
/** Owners with it are of one acquire each: they must never have two places. */
export const SINGLE = 'once '

/**
 * Locks at every point of apply, on each replica (docs/locks.md): one holder or several who share;
 * tokens rise; nobody is overtaken; a place ends only by what may end it, and an acquire has one.
 * Compares each lock before an entry with the same lock after it.
 */
export class LocksOracle {
  readonly #before = new WeakMap<object, ReadonlyMap<string, SeenLock>>()

  /** `replica` ran this entry just now. */
  ran({ group, state }: Seen, { data, kind, index }: Entry, answers: readonly Answer[]): void {
    if (kind !== 'command') return
    const { locks, transactions } = state
    const before = this.#before.get(locks)
    const { holders, waiters } = locks.counts
    if (before === undefined && holders + waiters === 0) return
    const after = new Map<string, SeenLock>()
    const keeperOf = (lock: LockName): string | undefined => {
      const keeper = transactions.keeperOfLock(lock)
      return keeper === undefined ? undefined : nameOf(keeper)
    }
    for (const [lock] of locks.places()) {
      if (!after.has(lock.name)) after.set(lock.name, seen(lock, keeperOf(lock)))
    }
    this.#before.set(locks, after)
    const ill =
      illOf(before, after, { entry: data, keeperOf }) ??
      staleFence(before, after, { index, data, answers })
    if (ill !== undefined) throw new Violation(`group ${group}, entry ${index}: ${ill}`)
  }
}

function seen(lock: LockRecord, keeper: string | undefined): SeenLock {
  const { token, holders, queue } = lock
  const copies = (places: readonly Place[]) => places.map((place) => ({ ...place }))
  return { lock, token, keeper, holders: copies(holders), queue: copies(queue) }
}

function illOf(
  before: ReadonlyMap<string, SeenLock> | undefined,
  after: ReadonlyMap<string, SeenLock>,
  {
    entry,
    keeperOf
  }: {
    readonly entry: Uint8Array
    readonly keeperOf: (lock: LockName) => string | undefined
  }
): string | undefined {
  for (const lock of after.values()) {
    const ill = illNow(lock)
    if (ill !== undefined) return ill
  }
  // Nobody looked at the state that this one was opened with.
  if (before === undefined) return undefined
  let ends: Ends | undefined
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(name) ?? NOBODY, after.get(name) ?? NOBODY]
    const ill = illStep(was, is)
    if (ill !== undefined) return ill
    for (const place of [...was.holders, ...was.queue]) {
      if ([...is.holders, ...is.queue].some(({ ticket }) => ticket === place.ticket)) continue
      const { lock, keeper } = was
      const isKept = lock !== undefined && keeper !== undefined && keeperOf(lock) === keeper
      if (place.token > 0 && isKept)
        return `token ${place.token} is gone, and ${keeper} relies on it`
      ends ??= endsIn(entry)
      const wrong = ends.wrongEnd(place)
      if (wrong !== undefined) return wrong
    }
  }
  return undefined
}

/** What is wrong with one lock as it is. */
export function illNow({ token, holders, queue }: SeenLock): string | undefined {
  if (holders.length > 1 && holders.some(({ shared }) => !shared)) {
    return `${holders.length} hold a lock that not all of them share`
  }
  if (holders.length === 0) return `${queue.length} wait for a lock that nobody holds`
  const tokens = holders.map((place) => place.token)
  if (!isAscending(tokens) || tokens.some((one) => one > token)) {
    return `tokens ${tokens.join(', ')} of one lock, and ${token} was the last`
  }
  const tickets = queue.map(({ ticket }) => ticket)
  if (!isAscending(tickets)) return `tickets ${tickets.join(', ')} wait in this order`
  const owners = [...holders, ...queue].map(({ owner }) => owner)
  const twice = owners.find((owner, i) => owner.startsWith(SINGLE) && owners.indexOf(owner) !== i)
  return twice === undefined ? undefined : `${twice} has two places at one lock`
}

/** What an entry did wrong to one lock. */
export function illStep(was: SeenLock, is: SeenLock): string | undefined {
  const known = new Set(was.holders.map(({ ticket }) => ticket))
  for (const { ticket, token, shared } of is.holders) {
    if (known.has(ticket)) continue
    if (token <= was.token) return `token ${token} after ${was.token}`
    // Behind an exclusive one nobody comes in; behind those who share, whoever else shares does.
    const passed = is.queue.find((other) => other.ticket < ticket)
    if (passed !== undefined) {
      return `${shared ? 'shared ' : ''}ticket ${ticket} overtook ${passed.ticket}`
    }
  }
  return undefined
}

/** Something that happened under a fence whose lock was not held with its token. */
function staleFence(
  before: ReadonlyMap<string, SeenLock> | undefined,
  after: ReadonlyMap<string, SeenLock>,
  { index, data, answers }: Pick<Entry, 'index' | 'data'> & { readonly answers: readonly Answer[] }
): string | undefined {
  const { commands } = decodeBody(data)
  for (const [i, answer] of answers.entries()) {
    // A copy of what happened before has the answer of then.
    if (before === undefined || answer.type !== 'result') continue
    if (happenedAt(answer.result) !== index) continue
    const { operation } = decodeCommand(commands[i] as Uint8Array)
    for (const { token, ...lock } of fencesOf(operation)) {
      const name = lockText(lock)
      const holders = [before, after].flatMap((at) => at.get(name)?.holders ?? [])
      if (holders.some((place) => place.token === token)) continue
      return `a fence of token ${token} let through what it had to stop`
    }
  }
  return undefined
}

/** The index at which what was asked for happened, or was prepared; undefined: it was not. */
function happenedAt(result: Result): Index | undefined {
  if (result.type === 'prepared') return result.vote.applied
  return result.type === 'transacted' ? result.votes[0]?.applied : undefined
}

function fencesOf(operation: Operation): readonly LockCheck[] {
  switch (operation.type) {
    case 'transact':
      return operation.parts.length > 1 ? [] : locksOf(operation.parts[0])
    case 'create':
    case 'prepare':
      return locksOf(operation.work)
    default:
      return []
  }
}

function locksOf(work: Work | undefined): readonly LockCheck[] {
  return (work?.checks ?? []).filter((check) => check.type === 'lock')
}

/** What an entry says of the ends of places. */
interface Ends {
  wrongEnd(place: SeenPlace): string | undefined
}

function endsIn(entry: Uint8Array): Ends {
  const operations = decodeBody(entry).commands.map((bytes) => decodeCommand(bytes).operation)
  return {
    wrongEnd: (place) => {
      const asked = operations.some((operation) => givesUp(operation, place))
      if (asked) return undefined
      const number = place.token > 0 ? place.token : place.ticket
      const expiries = operations
        .flatMap((operation) => (operation.type === 'expire' ? operation.places : []))
        .filter((expiry) => expiry.number === number)
      if (expiries.length === 0) return `place ${number} is gone, and nobody gave it up`
      if (expiries.some(({ renewals }) => renewals >= place.renewals)) return undefined
      return `place ${number} expired after ${place.renewals} renewals, as if it were fewer`
    }
  }
}

function givesUp(operation: Operation, { ticket, token }: SeenPlace): boolean {
  if (operation.type === 'leave') return operation.ticket === ticket
  // One that waited before may have been granted in the same entry; its token is not known here.
  return operation.type === 'release' && (operation.token === token || token === 0)
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((number, i) => i === 0 || number > (numbers[i - 1] as number))
}
