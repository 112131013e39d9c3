import type { GroupId } from '../wire/ids.ts'
import { LOCK_PLACES_AT_ONCE_MAX } from '../wire/limits.ts'
import type { LockPlace } from '../wire/lock.ts'
import type { LockVerdict } from '../wire/lock-result.ts'
import type { Cancel } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import { Agenda, type Due } from './agenda.ts'
import type { Shell } from './course.ts'
import type { CallOutcome } from './inputs.ts'
import { endOf, goesAlong, type Lease, renewalOf } from './lock-lease.ts'

/** Who is told what becomes of a place. */
export interface PlaceKeeper {
  /** An answer to a request that left at `since`. */
  told(verdict: LockVerdict, since: number): void
  /** A lock that is held was not renewed in time: it must be taken for lost. */
  ranOut(): void
}

/** A place at a lock, held or in the queue, that is kept alive. */
export interface KeptPlace extends LockPlace, Lease {
  readonly group: GroupId
  /** Held: it ends by itself, on this side, when its lease does. */
  readonly isHeld: boolean
}

/** A place while it is kept alive. */
export interface Keeping {
  /** When it must be taken for lost, on the monotonic clock, if nothing more is heard. */
  readonly endsAt: number
  /** It is not kept any more. May be called again. */
  stop(): void
}

/** Changed by its Renewals alone. */
class Kept implements KeptPlace, Keeping, Due {
  readonly key: Uint8Array
  readonly guard: boolean
  readonly number: number
  readonly group: GroupId
  readonly ttlMs: number
  readonly isHeld: boolean
  readonly keeper: PlaceKeeper
  readonly #drop: (kept: Kept) => void
  since: number
  at = 0
  slot = -1

  constructor(place: KeptPlace, keeper: PlaceKeeper, drop: (kept: Kept) => void) {
    this.key = place.key
    this.guard = place.guard
    this.number = place.number
    this.group = place.group
    this.ttlMs = place.ttlMs
    this.isHeld = place.isHeld
    this.since = place.since
    this.keeper = keeper
    this.#drop = drop
  }

  get endsAt(): number {
    return endOf(this)
  }

  stop(): void {
    this.#drop(this)
  }
}

/** No answer to a renewal: how long until the next, as a share of the shortest ttl. */
const RETRY_SHARE = 1 / 20
const RETRY_MS_MIN = 20
/** How long an answer is waited for, as a share of the shortest ttl. */
const TIMEOUT_SHARE = 1 / 3

/**
 * Keeps the places of one carrier alive: those of one group by one command, again and again.
 * Nothing is sent for a place that is given up before its first renewal is due.
 */
export class Renewals {
  readonly #shell: Shell
  readonly #agenda = new Agenda<Kept>()
  readonly #byGroup = new Map<GroupId, Set<Kept>>()
  /** Groups that owe an answer. */
  readonly #asked = new Set<GroupId>()
  #alarmAt = Number.POSITIVE_INFINITY
  #stopAlarm: Cancel = () => {}

  constructor(shell: Shell) {
    this.#shell = shell
  }

  /** Places that are kept. */
  get size(): number {
    let size = 0
    for (const places of this.#byGroup.values()) size += places.size
    return size
  }

  /** From now on `place` is kept alive, until it is lost or stopped. */
  keep(place: KeptPlace, keeper: PlaceKeeper): Keeping {
    const kept = new Kept(place, keeper, (over) => this.#drop(over))
    const places = this.#byGroup.get(kept.group)
    if (places === undefined) this.#byGroup.set(kept.group, new Set([kept]))
    else places.add(kept)
    this.#agenda.set(kept, renewalOf(kept))
    this.#setAlarm()
    return kept
  }

  #drop(kept: Kept): void {
    this.#agenda.remove(kept)
    const places = this.#byGroup.get(kept.group)
    if (places?.delete(kept) !== true || places.size > 0) return
    this.#byGroup.delete(kept.group)
    if (this.#byGroup.size > 0) return
    // Nobody is left: nothing of ours may keep a process from its end.
    this.#stopAlarm()
    this.#alarmAt = Number.POSITIVE_INFINITY
  }

  /** An alarm that comes too early is left: most locks do not live until their first renewal. */
  #setAlarm(): void {
    const { next } = this.#agenda
    if (next >= this.#alarmAt) return
    this.#stopAlarm()
    this.#alarmAt = next
    const now = this.#shell.clock.monotonic()
    this.#stopAlarm = this.#shell.timers.after(Math.max(0, next - now), () => this.#wake())
  }

  #wake(): void {
    this.#alarmAt = Number.POSITIVE_INFINITY
    const now = this.#shell.clock.monotonic()
    const groups = new Set<GroupId>()
    for (let due = this.#agenda.take(now); due !== undefined; due = this.#agenda.take(now)) {
      if (due.isHeld && now >= endOf(due)) this.#runOut(due)
      else groups.add(due.group)
    }
    for (const group of groups) this.#renew(group, now)
    this.#setAlarm()
  }

  #runOut(kept: Kept): void {
    sometimes('client: a lock is not renewed in time')
    this.#drop(kept)
    kept.keeper.ranOut()
  }

  #renew(group: GroupId, now: number): void {
    const due = [...(this.#byGroup.get(group) ?? [])].filter((kept) => goesAlong(kept, now))
    if (this.#asked.has(group)) {
      this.#later(due, now)
      return
    }
    // Those who waited longest first: the others go with the next command.
    due.sort((a, b) => a.since - b.since)
    const places = due.slice(0, LOCK_PLACES_AT_ONCE_MAX)
    this.#later(due, now)
    if (places.length === 0) return
    this.#asked.add(group)
    const operation = { type: 'renew', places: places.map(nameAndNumber) } as const
    const timeoutMs = Math.max(1, shortest(places) * TIMEOUT_SHARE)
    // Shedding renewals would take locks from those who hold them.
    const call = { timeoutMs, admitted: true }
    this.#shell.call({ kind: 'lock', operation }, call, (outcome) => {
      this.#asked.delete(group)
      if (this.#renewed(places, outcome, now)) this.#renewMore(group)
    })
  }

  /** There may be more of them than one command takes. */
  #renewMore(group: GroupId): void {
    const now = this.#shell.clock.monotonic()
    for (const kept of this.#byGroup.get(group) ?? []) {
      if (renewalOf(kept) > now) continue
      this.#renew(group, now)
      return
    }
  }

  /** Looks at them again a little later, or at their end. */
  #later(all: readonly Kept[], now: number): void {
    if (all.length === 0) return
    const bound = Math.max(RETRY_MS_MIN, shortest(all) * RETRY_SHARE)
    const at = now + bound / 2 + this.#shell.random.below(Math.ceil(bound / 2) + 1)
    for (const kept of all) {
      if (!this.#has(kept)) continue
      this.#agenda.set(kept, kept.isHeld ? Math.min(at, endOf(kept)) : at)
    }
    this.#setAlarm()
  }

  /** Whether there was an answer. */
  #renewed(places: readonly Kept[], outcome: CallOutcome, since: number): boolean {
    const now = this.#shell.clock.monotonic()
    const verdicts = verdictsIn(outcome, places.length)
    if (verdicts === undefined) {
      sometimes('client: places at locks are not renewed')
      this.#later(places, now)
      return false
    }
    for (const [i, kept] of places.entries()) {
      const verdict = verdicts[i]
      // It was given up, or ran out, while the answer was on its way.
      if (verdict === undefined || !this.#has(kept)) continue
      if (verdict.type === 'lost' || verdict.type === 'granted') this.#drop(kept)
      else {
        kept.since = since
        this.#agenda.set(kept, renewalOf(kept))
      }
      kept.keeper.told(verdict, since)
    }
    this.#setAlarm()
    return true
  }

  #has(kept: Kept): boolean {
    return this.#byGroup.get(kept.group)?.has(kept) === true
  }
}

function nameAndNumber({ key, guard, number }: Kept): LockPlace {
  return { key, guard, number }
}

function shortest(all: readonly Kept[]): number {
  return all.reduce((ms, { ttlMs }) => Math.min(ms, ttlMs), Number.POSITIVE_INFINITY)
}

/** Undefined: nobody knows what became of them. */
function verdictsIn(outcome: CallOutcome, count: number): readonly LockVerdict[] | undefined {
  if (!outcome.ok || outcome.kind !== 'lock' || outcome.result.type !== 'renewed') return undefined
  const { verdicts } = outcome.result
  return verdicts.length === count ? verdicts : undefined
}
