import { runTransaction } from '../../src/client/transactor.ts'
import type { Step, TransactionRequest } from '../../src/client/transactor-types.ts'
import { Violation } from '../../src/simulation/violation.ts'
import type { Life } from '../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import type { KeyCheck } from '../../src/wire/transaction.ts'
import type { Random } from '../../src/world/random.ts'
import { type Caller, lookAt, shellOf } from './callers.ts'
import { type CoinEvent, checkCoin } from './checkers/coin.ts'

const TIMEOUT_MS = 4_000
const PAUSE_MS_MAX = 250
/** Who look and move at once through one caller: those of one client have to take turns. */
const HANDS = 2
/** In partitions of their own, where there are as many. */
const PLACES: readonly string[] = ['coin/here', 'coin/there', 'coin/away']

/** Where the coin lies, and how often it was moved. */
interface Seen {
  readonly place: string
  readonly moves: number
}

/**
 * Goal: what the library reads as a snapshot stood there at one moment, also where keys come and
 * go. Method: one coin wanders between keys that are absent while it is elsewhere, by transactions
 * of the library that count its moves; whoever looks must see it once, and no older than it was
 * seen before.
 */
export class WanderingCoin {
  calls = 0
  inFlight = 0
  readonly #callers: readonly Caller[]
  readonly #random: Random
  readonly #life: Life
  readonly #events: CoinEvent[] = []
  #working = true

  constructor(
    callers: readonly Caller[],
    { random, life }: { readonly random: Random; readonly life: Life }
  ) {
    this.#callers = callers
    this.#random = random
    this.#life = life
  }

  start(): void {
    for (const caller of this.#callers.flatMap((caller) => Array<Caller>(HANDS).fill(caller))) {
      const next = (): void => {
        this.#life.timers.after(this.#random.below(PAUSE_MS_MAX), () => {
          if (this.#working) this.#do(caller, next)
        })
      }
      next()
    }
  }

  stop(): void {
    this.#working = false
  }

  /** Requires: stopped, nothing in flight, no faults. */
  readAll(): void {
    const [caller] = this.#callers as [Caller]
    this.#look(caller, (seen) => {
      if (seen === 'unseen') this.readAll()
    })
  }

  /** Throws Violation. Requires: `readAll`, and nothing in flight. */
  check(): void {
    const wrong = checkCoin(this.#events)
    if (wrong !== undefined) throw new Violation(`the coin: ${wrong}`)
  }

  #do(caller: Caller, done: () => void): void {
    this.#look(caller, (seen) => {
      if (seen === 'unseen' || this.#random.below(3) === 0) done()
      else this.#move(caller, seen, done)
    })
  }

  /** `unseen`: nobody answered. Undefined: there is no coin yet. */
  #look(caller: Caller, done: (seen: Seen | 'unseen' | undefined) => void): void {
    const called = this.#life.clock.monotonic()
    this.#begin()
    lookAt(
      caller,
      shellOf(caller, this.#life, this.#random),
      { keys: PLACES.map(utf8), timeoutMs: TIMEOUT_MS },
      (read) => {
        this.inFlight--
        if (!read.ok) {
          done('unseen')
          return
        }
        const coins = read.records.flatMap((record, i): Seen[] => {
          const text = record === undefined ? undefined : utf8Text(record.value)
          return text === undefined ? [] : [{ place: PLACES[i] as string, moves: Number(text) }]
        })
        const moves = coins.map((coin) => coin.moves)
        const returned = this.#life.clock.monotonic()
        this.#events.push({ type: 'look', client: caller.name, called, returned, moves })
        done(coins[0])
      }
    )
  }

  #move(caller: Caller, seen: Seen | undefined, done: () => void): void {
    const called = this.#life.clock.monotonic()
    const moves = (seen?.moves ?? 0) + 1
    const to = this.#placeBut(seen?.place)
    this.#begin()
    const options = { timeoutMs: TIMEOUT_MS }
    runTransaction(
      shellOf(caller, this.#life, this.#random),
      this.#request(seen, to, moves),
      options,
      (end) => {
        this.inFlight--
        const isUnknown = !end.ok && end.failure.outcome === 'unknown'
        const outcome = isUnknown ? 'unknown' : end.ok && end.committed ? 'ok' : 'failed'
        const returned = isUnknown ? undefined : this.#life.clock.monotonic()
        this.#events.push({ type: 'move', client: caller.name, called, returned, moves, outcome })
        done()
      }
    )
  }

  /** Holds only while the coin lies where it was seen; or while there is none. */
  #request(seen: Seen | undefined, to: string, moves: number): TransactionRequest {
    const put = (place: string): Step => ({
      type: 'put',
      key: utf8(place),
      value: utf8(String(moves))
    })
    if (seen === undefined) {
      const absent = PLACES.map((place): KeyCheck => {
        return { type: 'exists', key: utf8(place), exists: false }
      })
      return { if: absent, steps: [put(to)], otherwise: [] }
    }
    const from = utf8(seen.place)
    const lies = { type: 'value', key: from, value: utf8(String(seen.moves)) } as const
    const hops: Step[] = [{ type: 'delete', key: from }, put(to)]
    // To and fro at once: it lies where it lay, and has moved.
    if (this.#random.below(4) === 0) hops.push({ type: 'delete', key: utf8(to) }, put(seen.place))
    // What is read in between is locked and checked, too.
    if (this.#random.below(2) === 0) hops.unshift({ type: 'get', key: from })
    // Whoever comes too late leaves a mark aside.
    const missed: Step = { type: 'increment', key: utf8('coin/missed'), by: 1 }
    const otherwise = this.#random.below(3) === 0 ? [missed] : []
    return { if: [lies], steps: hops, otherwise }
  }

  #placeBut(place: string | undefined): string {
    const others = PLACES.filter((other) => other !== place)
    return others[this.#random.below(others.length)] as string
  }

  #begin(): void {
    this.calls++
    this.inFlight++
  }
}
