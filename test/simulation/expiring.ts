import type { CallOutcome } from '../../src/client/inputs.ts'
import type { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { Violation } from '../../src/simulation/violation.ts'
import type { Life } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import type { Random } from '../../src/world/random.ts'
import { type Caller, clientCaller, GatewayCaller, judged } from './callers.ts'
import { checkExpiry, type Mortal, type MortalRead } from './checkers/expiry.ts'

const TIMEOUT_MS = 4_000
const PUT_EVERY_MS = 150
const READ_EVERY_MS = 40
/** Reads look at so many of the newest keys: most of them end while they are looked at. */
const WATCHED_MAX = 12
const TTL_MS_MAX = 2_500

/**
 * Goal: a key with a ttl is there until that is over and not after it, and never comes back,
 * whoever leads and whatever became of clocks. Method: keys that are put once, with short ttls, and
 * read again and again around their end, by callers of which some keep to one node and some do not.
 */
export class ExpiringKeys {
  /** Calls made. */
  calls = 0
  inFlight = 0
  readonly #cluster: SimulatedCluster
  readonly #callers: readonly Caller[]
  readonly #random: Random
  readonly #life: Life
  readonly #mortals: Mortal[] = []
  readonly #reads: MortalRead[] = []
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
    this.#every(PUT_EVERY_MS, () => this.#put())
    this.#every(READ_EVERY_MS, () => this.#read())
  }

  /** Puts nothing more. */
  stop(): void {
    this.#working = false
  }

  /** Looks for the keys that were watched last. Requires: stopped. */
  readAll(): void {
    const caller = this.#callers[0] as Caller
    for (const { key } of this.#mortals.slice(-WATCHED_MAX)) this.#get(caller, key, 'strong')
  }

  /** Throws Violation. `isTimeRight`: as checkExpiry takes it. Requires: nothing in flight. */
  check(isTimeRight: boolean): void {
    const [wrong] = checkExpiry(this.#mortals, this.#reads, isTimeRight)
    if (wrong !== undefined) throw new Violation(`a key with a ttl: ${wrong}`)
  }

  #every(ms: number, run: () => void): void {
    this.#life.timers.after(this.#random.below(2 * ms), () => {
      if (!this.#working) return
      run()
      this.#every(ms, run)
    })
  }

  #caller(): Caller {
    return this.#callers[this.#random.below(this.#callers.length)] as Caller
  }

  #put(): void {
    const caller = this.#caller()
    const { session } = caller
    const key = `mortal${this.#drawn++}`
    const ttlMs = 1 + this.#random.below(TTL_MS_MAX)
    const operation = { type: 'put', key: utf8(key), value: utf8('here'), ttlMs } as const
    const called = this.#cluster.world.now
    this.#call(caller, { kind: 'mutate', operation }, (outcome) => {
      if (!outcome.ok) return
      this.#mortals.push({ key, session, ttlMs, called, returned: this.#cluster.world.now })
    })
  }

  #read(): void {
    const watched = this.#mortals.slice(-WATCHED_MAX)
    const mortal = watched[this.#random.below(watched.length || 1)]
    if (mortal === undefined) return
    const consistency = this.#random.below(3) === 0 ? 'session' : 'strong'
    this.#get(this.#caller(), mortal.key, consistency)
  }

  #get(caller: Caller, key: string, consistency: MortalRead['consistency']): void {
    const { session } = caller
    const called = this.#cluster.world.now
    this.#call(caller, { kind: 'get', key: utf8(key), consistency }, (outcome) => {
      if (!outcome.ok || outcome.kind !== 'get') return
      const { now: returned } = this.#cluster.world
      const isThere = outcome.record !== undefined
      this.#reads.push({ key, session, consistency, called, returned, isThere })
    })
  }

  #call(
    caller: Caller,
    operation: Parameters<Caller['call']>[0],
    done: (outcome: CallOutcome) => void
  ): void {
    this.calls++
    this.inFlight++
    const end = (outcome?: CallOutcome): void => {
      this.inFlight--
      if (outcome !== undefined) done(outcome)
    }
    caller.call(operation, TIMEOUT_MS, end, () => end())
  }
}
