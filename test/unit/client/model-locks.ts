import { nameOfKey } from '../../../src/client/steps.ts'
import type { LockName, LockOperation, LockPlace } from '../../../src/wire/lock.ts'
import type {
  Granted,
  LockHolder,
  LockResult,
  LockVerdict,
  LockView,
  Lost
} from '../../../src/wire/lock-result.ts'
import type { LockCheck } from '../../../src/wire/transaction.ts'

interface Place {
  readonly ticket: number
  readonly shared: boolean
  readonly owner: string
  ttlMs: number
  /** 0: it waits. */
  token: number
  grantedAt: number
  endsAt: number
}

type Acquire = Extract<LockOperation, { type: 'acquire' }>

/** What locks mean, in the plainest words: one list of places for each, in the order they came. */
export class ModelLocks {
  readonly #now: () => number
  readonly #locks = new Map<string, Place[]>()
  readonly #last = new Map<string, number>()
  readonly #awaited = new Map<number, (end: Granted | Lost) => void>()
  #counter = 100
  /** Commands that were applied. */
  readonly applied: LockOperation[] = []
  /** Of each grant, in their order. */
  readonly tokens: number[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  apply(operation: LockOperation): LockResult {
    this.applied.push(operation)
    this.expire()
    switch (operation.type) {
      case 'acquire':
        return this.#acquire(operation)
      case 'renew':
        return { type: 'renewed', verdicts: operation.places.map((place) => this.#renew(place)) }
      case 'release': {
        const place = this.#find(operation, operation.token)
        if (place === undefined || place.token === 0) return { type: 'lost' }
        this.#remove(operation, place)
        return { type: 'released' }
      }
      case 'leave': {
        const place = this.#find(operation, operation.ticket)
        if (place === undefined) return { type: 'lost' }
        if (place.token > 0) return granted(place)
        const holder = this.#holder(operation)
        this.#remove(operation, place)
        return { type: 'left', holder }
      }
      default:
        throw new Error('the model needs nobody to expire')
    }
  }

  /** Those whose time is over lose their places, and others are granted what they held. */
  expire(): void {
    const now = this.#now()
    for (const [name, places] of this.#locks) {
      const over = places.filter(({ endsAt }) => endsAt <= now)
      if (over.length === 0) continue
      const left = places.filter(({ endsAt }) => endsAt > now)
      this.#locks.set(name, left)
      for (const { ticket } of over) this.#end(ticket, { type: 'lost' })
      this.#grant(name, left)
    }
  }

  /** When the next place ends; Infinity: there is none. */
  get nextEnd(): number {
    return Math.min(...[...this.#locks.values()].flat().map(({ endsAt }) => endsAt))
  }

  view(lock: LockName): LockView {
    this.expire()
    const places = this.#places(lock)
    const holders = places.filter(({ token }) => token > 0)
    const waiters = places.length - holders.length
    const token = this.#last.get(nameOf(lock)) ?? 0
    const [first] = holders
    if (first === undefined) return { token, waiters, holders: 0 }
    const expiresInMs = Math.max(0, Math.floor(first.endsAt - this.#now()))
    const { shared } = first
    const held = { ...this.#holder(lock), token: first.token, shared, expiresInMs }
    return { token, waiters, holders: holders.length, held }
  }

  holds(check: LockCheck): boolean {
    this.expire()
    return this.#places(check).some(({ token }) => token === check.token)
  }

  /** `onEnd` hears when the place is granted or lost, perhaps at once. */
  awaitGrant(place: LockPlace, onEnd: (end: Granted | Lost) => void): void {
    this.expire()
    const found = this.#find(place, place.number)
    if (found === undefined) onEnd({ type: 'lost' })
    else if (found.token > 0) onEnd(granted(found))
    else this.#awaited.set(found.ticket, onEnd)
  }

  #acquire(operation: Acquire): LockResult {
    const { shared, owner, ttlMs, wait } = operation
    const places = this.#places(operation)
    const isFree = shared
      ? places.every((place) => place.token > 0 && place.shared)
      : places.length === 0
    if (!isFree && !wait) return { type: 'locked', holder: this.#holder(operation) }
    const endsAt = this.#now() + ttlMs
    const ticket = ++this.#counter
    const place = { ticket, shared, owner, ttlMs, token: 0, grantedAt: 0, endsAt }
    const ahead = places.filter(({ token }) => token === 0).length
    places.push(place)
    this.#locks.set(nameOf(operation), places)
    if (isFree) this.#hold(nameOf(operation), place, ticket)
    if (isFree) return granted(place)
    return { type: 'waiting', ticket, ahead, holder: this.#holder(operation) }
  }

  #renew(renewal: LockPlace & { readonly ttlMs?: number }): LockVerdict {
    const place = this.#find(renewal, renewal.number)
    if (place === undefined) return { type: 'lost' }
    place.ttlMs = renewal.ttlMs ?? place.ttlMs
    place.endsAt = this.#now() + place.ttlMs
    if (place.token === 0) return { type: 'queued', ahead: 0 }
    return renewal.number === place.token ? { type: 'held' } : granted(place)
  }

  #grant(name: string, places: readonly Place[]): void {
    for (const place of places) {
      const holders = places.filter(({ token }) => token > 0)
      if (place.token > 0) continue
      const isNext = holders.length === 0 || (place.shared && holders.every(({ shared }) => shared))
      if (!isNext) return
      this.#hold(name, place, ++this.#counter)
      this.#end(place.ticket, granted(place))
    }
  }

  #hold(name: string, place: Place, token: number): void {
    place.token = token
    place.grantedAt = this.#now()
    this.#last.set(name, token)
    this.tokens.push(token)
  }

  #end(ticket: number, end: Granted | Lost): void {
    const onEnd = this.#awaited.get(ticket)
    this.#awaited.delete(ticket)
    onEnd?.(end)
  }

  #remove(lock: LockName, place: Place): void {
    const left = this.#places(lock).filter((other) => other !== place)
    this.#locks.set(nameOf(lock), left)
    this.#end(place.ticket, { type: 'lost' })
    this.#grant(nameOf(lock), left)
  }

  #holder(lock: LockName): LockHolder {
    const first = this.#places(lock).find(({ token }) => token > 0)
    const heldMs = first === undefined ? 0 : Math.floor(this.#now() - first.grantedAt)
    return { owner: first?.owner ?? '', heldMs }
  }

  #places(lock: LockName): Place[] {
    return this.#locks.get(nameOf(lock)) ?? []
  }

  #find(lock: LockName, number: number): Place | undefined {
    return this.#places(lock).find(({ token, ticket }) => token === number || ticket === number)
  }
}

function granted({ token, ttlMs }: Place): Granted {
  return { type: 'granted', token, ttlMs }
}

function nameOf({ key, guard }: LockName): string {
  return `${guard} ${nameOfKey(key)}`
}
