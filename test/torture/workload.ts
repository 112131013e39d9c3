import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../../src/world/random.ts'
import type { Seen } from '../simulation/checkers/near-reads.ts'
import type { Call } from '../simulation/checkers/register.ts'
import { type Asked, type Caller, insist, once } from './callers.ts'
import { Counters } from './counters.ts'
import { Elements } from './elements.ts'
import { Ledgers } from './ledgers.ts'

/** Keys in use at a time. */
const KEYS = 6
/**
 * A key is left alone after so many calls with unknown outcome: the orders to look at double with
 * each.
 */
const UNKNOWN_MAX = 8
/** ... or after so many calls: a history is looked through as a whole. */
const CALLS_MAX = 3_000
const PAUSE_MS_MAX = 20
/** A caller whose node is gone does not knock faster than this. */
const REFUSED_PAUSE_MS = 50

/** What was called, until it is checked. */
export interface History {
  readonly registers: readonly Seen[]
  /** Keys that were left alone as well. */
  readonly keys: readonly string[]
  readonly counters: Counters
  readonly elements: Elements
  readonly ledgers: Ledgers
}

/** Many callers with random operations on few keys, and with transactions; all is kept. */
export class Workload {
  readonly #name: string
  readonly #random: Random
  readonly #history: Seen[] = []
  readonly #counters: Counters
  readonly #elements: Elements
  readonly #ledgers: Ledgers
  /** Of each key in use: calls, and those of unknown outcome. */
  readonly #live: { name: string; calls: number; unknown: number }[] = []
  readonly #keys: string[] = []
  readonly #loops: Promise<void>[] = []
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = []
  #values = 0
  #answered = 0
  #isOver = false

  constructor(name: string, random: Random) {
    this.#name = name
    this.#random = random
    this.#counters = new Counters(`${name}/count`, random)
    this.#elements = new Elements(`${name}/set`, random)
    this.#ledgers = new Ledgers(`${name}/ledger`, random)
    for (let i = 0; i < KEYS; i++) this.#replaceKey(i)
  }

  /** Calls answered with success so far. */
  get answered(): number {
    return this.#answered
  }

  get history(): History {
    const [registers, keys] = [this.#history, this.#keys]
    const [counters, elements, ledgers] = [this.#counters, this.#elements, this.#ledgers]
    return { registers, keys, counters, elements, ledgers }
  }

  start(callers: readonly Caller[]): void {
    for (const caller of callers) this.#loops.push(this.#loop(caller))
  }

  /** Resolves when `count` more calls have succeeded, with false if not within the time. */
  async more(count: number, withinMs: number): Promise<boolean> {
    const target = this.#answered + count
    const there = new Promise<boolean>((resolve) => {
      this.#waiting.push({ count: target, resolve: () => resolve(true) })
    })
    const control = new AbortController()
    const late = wait(withinMs, false, { signal: control.signal }).catch(() => false)
    const isThere = await Promise.race([there, late])
    control.abort()
    return isThere
  }

  /** Resolves when the calls under way have ended. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
  }

  /**
   * Reads everything once more, and learns what became of transactions. Requires: stopped, and a
   * whole cluster.
   */
  async settle(caller: Caller): Promise<string[]> {
    const unread: string[] = []
    for (const key of this.#keys) {
      const asked = { key, call: { type: 'get' }, consistency: 'strong' } as const
      const code = await this.#ask(caller, asked, insist)
      if (code !== '') unread.push(`${key} cannot be read on a whole cluster: ${code}`)
    }
    unread.push(...(await this.#counters.settle(caller)))
    unread.push(...(await this.#elements.settle(caller)))
    unread.push(...(await this.#ledgers.settle(caller)))
    return unread
  }

  async #loop(caller: Caller): Promise<void> {
    while (!this.#isOver) {
      const code = await this.#one(caller)
      if (code === '') this.#note()
      const pause = this.#random.below(PAUSE_MS_MAX)
      await wait(code === 'connection' ? REFUSED_PAUSE_MS : pause)
    }
  }

  #one(caller: Caller): Promise<string> {
    const drawn = this.#random.below(16)
    if (drawn < 1) return this.#counters.one(caller)
    if (drawn < 3) return this.#elements.one(caller)
    if (drawn < 9) return this.#ledgers.one(caller)
    const at = this.#random.below(KEYS)
    const live = this.#live[at]
    if (live === undefined || live.unknown >= UNKNOWN_MAX || live.calls >= CALLS_MAX) {
      this.#replaceKey(at)
    }
    const key = this.#live[at]?.name ?? ''
    const call = this.#draw()
    const consistency = call.type === 'get' ? this.#drawConsistency() : 'strong'
    return this.#ask(caller, { key, call, consistency })
  }

  async #ask(caller: Caller, asked: Asked, ask = once): Promise<string> {
    const { key, call, consistency } = asked
    const live = this.#live.find(({ name }) => name === key)
    if (live !== undefined) live.calls++
    const called = performance.now()
    const { outcome, stalenessMs, code } = await ask(caller, asked)
    const isUnknown = outcome.type === 'unknown'
    if (isUnknown && call.type !== 'get' && live !== undefined) live.unknown++
    const returned = isUnknown ? undefined : performance.now()
    const { name: client, session } = caller
    const seen = { client, session, key, called, returned, call, outcome }
    const near = consistency === 'strong' ? {} : { near: { consistency, stalenessMs } }
    this.#history.push({ ...seen, ...near })
    return code
  }

  #draw(): Call {
    const below = (bound: number): number => this.#random.below(bound)
    const condition = below(4) === 0 ? { ifRevision: this.#knownRevision() } : {}
    const drawn = below(12)
    if (drawn < 5) return { type: 'get' }
    if (drawn < 8) return { type: 'put', value: `v${++this.#values}`, ...condition }
    if (drawn < 9) return { type: 'put', value: String(below(100)), ...condition }
    if (drawn < 10) return { type: 'increment', by: 1 + below(3) }
    return drawn < 11 ? { type: 'delete', ...condition } : { type: 'touch', ...condition }
  }

  /** One that some answer told lately, of whichever key, or none. */
  #knownRevision(): number {
    const lately = this.#history.at(-1 - this.#random.below(20))?.outcome
    if (lately?.type !== 'ok' || !('revision' in lately.answer)) return 0
    return lately.answer.revision
  }

  #drawConsistency(): Asked['consistency'] {
    const drawn = this.#random.below(10)
    if (drawn < 6) return 'strong'
    return drawn < 8 ? 'session' : 'eventual'
  }

  #replaceKey(at: number): void {
    const name = `${this.#name}/${this.#keys.length}`
    this.#keys.push(name)
    this.#live[at] = { name, calls: 0, unknown: 0 }
  }

  #note(): void {
    this.#answered++
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      if ((this.#waiting[i]?.count ?? 0) > this.#answered) continue
      this.#waiting.splice(i, 1)[0]?.resolve()
    }
  }
}
