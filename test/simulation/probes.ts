import type { CallOperation } from '../../src/client/inputs.ts'
import type { SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { Life } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import type { Random } from '../../src/world/random.ts'
import { type Caller, clientCaller, GatewayCaller, judged } from './callers.ts'

const EVERY_MS = 25
/** Short: who waits for a leader that is gone asks nothing new. */
const TIMEOUT_MS = 700
const KEYS = 16

/**
 * Goal: no strong answer stands on an older state than anybody was told of before it was asked for,
 * also in the moments in which one leader is deposed, does not know it yet, and the next one writes
 * already. Method: many short calls from everywhere to all groups, judged by the oracle of answers
 * (by the index they stand on, so that any two calls to a group can tell of each other).
 */
export class Probes {
  /** Calls made. */
  calls = 0
  inFlight = 0
  readonly #callers: readonly Caller[]
  readonly #random: Random
  readonly #life: Life
  #working = true

  constructor(
    cluster: SimulatedCluster,
    { random, life }: { readonly random: Random; readonly life: Life }
  ) {
    const clients = cluster.clients.map(clientCaller)
    const gateway = new GatewayCaller(cluster, life)
    // Through the nodes as often as through clients: a deposed leader's own gateway trusts it last.
    const callers = [...clients, ...clients.map(() => gateway)]
    this.#callers = callers.map((caller) => judged(cluster, caller))
    this.#random = random
    this.#life = life
  }

  start(): void {
    this.#life.timers.after(this.#random.below(2 * EVERY_MS), () => {
      if (!this.#working) return
      this.#probe()
      this.start()
    })
  }

  stop(): void {
    this.#working = false
  }

  #probe(): void {
    const caller = this.#callers[this.#random.below(this.#callers.length)] as Caller
    const key = utf8(`probe${this.#random.below(KEYS)}`)
    const operation: CallOperation =
      this.#random.below(4) === 0
        ? { kind: 'mutate', operation: { type: 'put', key, value: utf8('probed') } }
        : { kind: 'get', key, consistency: 'strong' }
    this.calls++
    this.inFlight++
    const end = (): void => void this.inFlight--
    caller.call(operation, TIMEOUT_MS, end, end)
  }
}
