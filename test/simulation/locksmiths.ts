import type { CallOperation, CallOutcome } from '../../src/client/inputs.ts'
import type { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { SINGLE } from '../../src/simulation/oracle-locks.ts'
import { Violation } from '../../src/simulation/violation.ts'
import type { Life } from '../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import type { LockOperation } from '../../src/wire/lock.ts'
import type { LockResult, LockVerdict } from '../../src/wire/lock-result.ts'
import type { Random } from '../../src/world/random.ts'
import { type Caller, clientCaller, GatewayCaller, judged } from './callers.ts'
import { type Append, checkGuarded, checkTenures, type Tenure } from './checkers/locks.ts'

const TIMEOUT_MS = 2_000
/** A read may have to wait until a transaction is ended whose coordinator is gone. */
const LAST_READ_MS = 10_000
const REST_MS_MAX = 400
const TTL_MS_MIN = 300
const TTL_MS_MAX = 2_000
/** Who waits longer than so many renewals gives up. */
const POLLS_MAX = 12
/** A transaction of two partitions takes some milliseconds. */
const HASTE_MS_MAX = 20
const NAMES = ['lock/a', 'lock/b'] as const

/** One acquire, and what comes of it. */
interface Stay {
  readonly caller: Caller
  readonly lock: string
  readonly owner: string
  readonly shared: boolean
  readonly ttlMs: number
  readonly called: number
  ticket: number | undefined
  /** When the request was sent that was answered last. */
  sent: number
  polls: number
}

/**
 * Goal: a lock has one holder at a time, by everybody's own count; those who wait come in in their
 * order; what is written under a lock, by read and fenced write, is never lost, whatever becomes of
 * holders. Method: workers that acquire two locks, shared or not, wait by all that there is for it,
 * leave, renew late, stand still for three ttls, vanish; and lists that they append to.
 */
export class Locksmiths {
  calls = 0
  /** Those who want, have or wait for a lock; each has one call in flight at most. */
  inFlight = 0
  readonly #cluster: SimulatedCluster
  readonly #callers: readonly Caller[]
  readonly #random: Random
  readonly #life: Life
  readonly #tenures: Tenure[] = []
  readonly #appends = new Map<string, Append[]>(NAMES.map((name) => [name, []]))
  readonly #lists = new Map<string, readonly string[]>()
  #working = true
  #drawn = 0

  constructor(
    cluster: SimulatedCluster,
    { random, life }: { readonly random: Random; readonly life: Life }
  ) {
    const callers = [...cluster.clients.map(clientCaller), new GatewayCaller(cluster, life)]
    this.#cluster = cluster
    this.#callers = callers.map((caller) => judged(cluster, caller))
    this.#random = random
    this.#life = life
  }

  start(): void {
    for (const caller of [...this.#callers, ...this.#callers]) this.#next(caller)
  }

  /** Nobody acquires anything more. */
  stop(): void {
    this.#working = false
  }

  /** Looks at the lists. Requires: stopped, nothing in flight, no faults. */
  readAll(): void {
    const caller = this.#callers[0] as Caller
    for (const lock of NAMES) {
      this.inFlight++
      this.#read(caller, lock, LAST_READ_MS, (elements) => {
        this.inFlight--
        if (elements !== undefined) this.#lists.set(lock, elements)
      })
    }
  }

  /** Throws Violation. */
  check(): void {
    const wrongs = checkTenures(this.#tenures)
    for (const lock of NAMES) {
      const elements = this.#lists.get(lock)
      if (elements === undefined) wrongs.push(`what ${lock} guards cannot be read`)
      else wrongs.push(...checkGuarded(elements, this.#appends.get(lock) ?? []))
    }
    const [wrong] = wrongs
    if (wrong !== undefined) throw new Violation(`locks: ${wrong}`)
  }

  /** This is over. */
  #rest(caller: Caller): void {
    this.inFlight--
    this.#next(caller)
  }

  #next(caller: Caller): void {
    this.#life.timers.after(this.#random.below(REST_MS_MAX), () => {
      if (this.#working) this.#acquire(caller)
    })
  }

  #acquire(caller: Caller): void {
    this.inFlight++
    const stay: Stay = {
      caller,
      lock: NAMES[this.#random.below(NAMES.length)] as string,
      owner: `${SINGLE}${caller.name} ${this.#drawn++}`,
      shared: this.#random.below(4) === 0,
      ttlMs: TTL_MS_MIN + this.#random.below(TTL_MS_MAX - TTL_MS_MIN),
      called: this.#now,
      ticket: undefined,
      sent: this.#now,
      polls: 0
    }
    const { shared, ttlMs, owner } = stay
    const wait = this.#random.below(5) > 0
    const operation = { type: 'acquire', ...nameOf(stay), shared, wait, ttlMs, owner } as const
    this.#lock(stay, operation, (result) => {
      if (result?.type === 'granted') this.#granted(stay, result.token)
      else if (result?.type === 'waiting') {
        stay.ticket = result.ticket
        this.#wait(stay)
      } else this.#rest(caller)
    })
  }

  /** By the request that is held open, by renewals, or not any longer. */
  #wait(stay: Stay): void {
    const { caller, ttlMs } = stay
    const number = stay.ticket as number
    if (!this.#working || ++stay.polls > POLLS_MAX || this.#random.below(8) === 0) {
      this.#leave(stay)
      return
    }
    const operation = { kind: 'await-grant', ...nameOf(stay), number } as const
    const patienceMs = 1 + this.#random.below(ttlMs / 2)
    if (this.#random.below(3) === 0) {
      this.#life.timers.after(patienceMs, () => this.#poll(stay))
      return
    }
    this.#call(caller, operation, patienceMs, (outcome) => {
      const result = outcome?.ok && outcome.kind === 'await-grant' ? outcome.result : undefined
      if (result?.type === 'granted') this.#granted(stay, result.token)
      else if (result?.type === 'lost') this.#rest(caller)
      else this.#poll(stay)
    })
  }

  #poll(stay: Stay): void {
    const sent = this.#now
    this.#renew(stay, stay.ticket as number, (verdict) => {
      if (verdict?.type === 'queued' || verdict?.type === 'granted') stay.sent = sent
      if (verdict?.type === 'granted') this.#granted(stay, verdict.token)
      else if (verdict?.type === 'queued') this.#wait(stay)
      // Its place goes by itself, if it still has one.
      else this.#rest(stay.caller)
    })
  }

  #leave(stay: Stay): void {
    const ticket = stay.ticket as number
    this.#lock(stay, { type: 'leave', ...nameOf(stay), ticket }, (result) => {
      if (result?.type === 'granted') this.#granted(stay, result.token)
      else this.#rest(stay.caller)
    })
  }

  #granted(stay: Stay, token: number): void {
    const { lock, owner, shared, ticket, called } = stay
    const none = { lostAt: undefined, releasedAt: undefined }
    const until = stay.sent + this.#leaseMs(stay)
    const tenure = { lock, owner, shared, ticket, token, called, heard: this.#now, until, ...none }
    this.#tenures.push(tenure)
    this.#hold(stay, tenure)
  }

  #hold(stay: Stay, tenure: Tenure): void {
    const drawn = this.#working ? this.#random.below(10) : 5
    // Its process dies, as far as the lock can tell.
    if (drawn < 1) this.#rest(stay.caller)
    else if (drawn < 4) this.#keep(stay, tenure)
    else if (drawn < 6) this.#release(stay, tenure)
    else if (stay.shared) this.#pause(stay, tenure, () => this.#hold(stay, tenure))
    else this.#append(stay, tenure)
  }

  /** Most of the time short, now and then far longer than the lease. */
  #pause({ ttlMs }: Stay, _: Tenure, next: () => void): void {
    const isLong = this.#random.below(4) === 0
    this.#life.timers.after(isLong ? 3 * ttlMs : this.#random.below(ttlMs), next)
  }

  #keep(stay: Stay, tenure: Tenure): void {
    this.#pause(stay, tenure, () => {
      const sent = this.#now
      this.#renew(stay, tenure.token, (verdict) => {
        if (verdict?.type === 'held') {
          tenure.until = Math.max(tenure.until, sent + this.#leaseMs(stay))
          this.#hold(stay, tenure)
        } else {
          if (verdict?.type === 'lost') tenure.lostAt ??= this.#now
          this.#rest(stay.caller)
        }
      })
    })
  }

  #release(stay: Stay, tenure: Tenure): void {
    const { token } = tenure
    const before = tenure.until
    tenure.releasedAt = this.#now
    tenure.until = Math.min(before, this.#now)
    this.#lock(stay, { type: 'release', ...nameOf(stay), token }, (result) => {
      const isEarly = result?.type === 'lost' && this.#now < before
      if (isEarly) tenure.releasedAt = undefined
      if (isEarly) Object.assign(tenure, { lostAt: this.#now, until: before })
      this.#rest(stay.caller)
    })
  }

  /** Reads the list, and writes it with one more, however late. */
  #append(stay: Stay, tenure: Tenure): void {
    const { caller, lock } = stay
    const { token } = tenure
    this.#read(caller, lock, TIMEOUT_MS, (elements) => {
      if (elements === undefined) {
        this.#rest(caller)
        return
      }
      this.#pause(stay, tenure, () => {
        const element = `${token}.${this.#drawn++}`
        const value = utf8([...elements, element].join(' '))
        const operation = {
          kind: 'transact',
          checks: [{ type: 'lock', ...nameOf(stay), token }],
          writes: [{ type: 'put', key: listOf(lock), value }],
          inOrder: this.#random.below(4) === 0
        } as const
        // It gives the lock up in the middle of its own write.
        const isHasty = this.#random.below(6) === 0
        this.inFlight += isHasty ? 1 : 0
        this.#call(caller, operation, TIMEOUT_MS, (outcome) => {
          const known = outcomeOf(outcome)
          this.#appends.get(lock)?.push({ element, token, outcome: known })
          // One whose fate is not known may come late: nothing may be built on what was read since.
          if (isHasty) this.inFlight--
          else if (known === 'unknown') this.#release(stay, tenure)
          else this.#hold(stay, tenure)
        })
        if (isHasty) {
          this.#life.timers.after(this.#random.below(HASTE_MS_MAX), () => {
            this.#release(stay, tenure)
          })
        }
      })
    })
  }

  #read(
    caller: Caller,
    lock: string,
    timeoutMs: number,
    done: (elements: readonly string[] | undefined) => void
  ): void {
    const operation = { kind: 'get', key: listOf(lock), consistency: 'strong' } as const
    this.#call(caller, operation, timeoutMs, (outcome) => {
      if (!outcome?.ok || outcome.kind !== 'get') done(undefined)
      else done((utf8Text(outcome.record?.value ?? utf8('')) ?? '').split(' ').filter(Boolean))
    })
  }

  #renew(stay: Stay, number: number, done: (verdict: LockVerdict | undefined) => void): void {
    const places = [{ ...nameOf(stay), number }]
    this.#lock(stay, { type: 'renew', places }, (result) => {
      done(result?.type === 'renewed' ? result.verdicts[0] : undefined)
    })
  }

  #lock(
    { caller }: Stay,
    operation: LockOperation,
    done: (result: LockResult | undefined) => void
  ): void {
    this.#call(caller, { kind: 'lock', operation }, TIMEOUT_MS, (outcome) => {
      done(outcome?.ok && outcome.kind === 'lock' ? outcome.result : undefined)
    })
  }

  #call(
    caller: Caller,
    operation: CallOperation,
    timeoutMs: number,
    done: (outcome: CallOutcome | undefined) => void
  ): void {
    this.calls++
    caller.call(operation, timeoutMs, done, () => done(undefined))
  }

  /** What a leader whose clock is fast gives at least. */
  #leaseMs({ ttlMs }: Stay): number {
    const fastest = Math.max(1, ...this.#cluster.nodes.map(({ clockRate }) => clockRate))
    return ttlMs / fastest - 1
  }

  get #now(): number {
    return this.#cluster.world.now
  }
}

const nameOf = ({ lock }: Stay) => ({ guard: false, key: utf8(lock) })
/** Of two partitions or more, one lock has its list in its own and the other in another one. */
const listOf = (lock: string): Uint8Array => utf8(`guarded/${lock}`)

function outcomeOf(outcome: CallOutcome | undefined): Append['outcome'] {
  if (outcome === undefined) return 'unknown'
  if (!outcome.ok) return outcome.failure.outcome === 'unknown' ? 'unknown' : 'failed'
  if (outcome.kind !== 'transact') return 'unknown'
  return outcome.decision.type === 'committed' ? 'ok' : 'failed'
}
