import type { CallOutcome } from '../../src/client/inputs.ts'
import { Violation } from '../../src/simulation/violation.ts'
import type { Life } from '../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import type { Consistency } from '../../src/wire/request.ts'
import type { Random } from '../../src/world/random.ts'
import { type Caller, LOST } from './callers.ts'

const TIMEOUT_MS = 4_000
const PAUSE_MS_MAX = 250
/** Two lists that grow together, in partitions of their own where there are as many. */
const LISTS: readonly string[] = ['glance/left', 'glance/right']
/** Then both begin anew: what comes later is looked for in vain. */
const ELEMENTS_MAX = 60

interface Added {
  readonly element: string
  readonly session: string
  /** When its writer was told. */
  readonly at: number
}

/** A read that asked for less than all there is. */
interface Glance {
  readonly list: string
  readonly consistency: 'session' | 'eventual'
  readonly session: string
  readonly called: number
  readonly stalenessMs: number
  readonly elements: readonly string[]
}

/**
 * Goal: `session` and `eventual` reads keep their promises beside transactions: a session sees what
 * it committed, and an answer is no older than it says, whatever intents stand in its way. Method:
 * transactions that append to two lists, and reads of the nearest replica.
 */
export class Glances {
  /** Calls made. */
  calls = 0
  inFlight = 0
  readonly #callers: readonly Caller[]
  readonly #random: Random
  readonly #life: Life
  readonly #now: () => number
  readonly #added: Added[] = []
  readonly #glances: Glance[] = []
  #working = true
  #drawn = 0

  constructor(
    callers: readonly Caller[],
    shell: { readonly random: Random; readonly life: Life; readonly now: () => number }
  ) {
    this.#callers = callers
    this.#random = shell.random
    this.#life = shell.life
    this.#now = shell.now
  }

  start(): void {
    for (const caller of this.#callers) {
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

  /**
   * Throws Violation. `rate`: that of the slowest clock; claims of `claimMsMax` and more rest on
   * clocks that somebody set.
   */
  check({ rate, claimMsMax }: { readonly rate: number; readonly claimMsMax: number }): void {
    for (const glance of this.#glances) {
      const { consistency, session, called, list } = glance
      const ageMs = glance.stalenessMs / rate
      if (consistency === 'eventual' && glance.stalenessMs >= claimMsMax) continue
      const owed = this.#added.filter((one) =>
        consistency === 'session'
          ? one.session === session && one.at < called
          : one.at < called - ageMs
      )
      const missed = owed.find(({ element }) => !glance.elements.includes(element))
      if (missed === undefined) continue
      const claim = consistency === 'session' ? '' : ` that is said to be ${ageMs} ms old`
      throw new Violation(
        `a glance at ${list}: the ${consistency} read of ${session} at ${called}${claim} lacks ` +
          `${missed.element}, which ${missed.session} was told of at ${missed.at}`
      )
    }
  }

  #do(caller: Caller, done: () => void): void {
    const drawn = this.#random.below(6)
    if (drawn < 2 && this.#drawn < ELEMENTS_MAX) this.#append(caller, done)
    else this.#glance(caller, drawn < 4 ? 'session' : 'eventual', done)
  }

  /** To both lists, or to none. */
  #append(caller: Caller, done: () => void): void {
    const { session } = caller
    const element = `e${++this.#drawn}`
    this.#readBoth(caller, (shown) => {
      if (shown === undefined) {
        done()
        return
      }
      const checks = shown.map(({ list, revision }) => {
        return { type: 'revision', key: utf8(list), revision } as const
      })
      const writes = shown.map(({ list, text }) => {
        return { type: 'put', key: utf8(list), value: utf8(`${text}${element} `) } as const
      })
      this.#call(caller, { kind: 'transact', checks, writes, inOrder: false }, (outcome) => {
        const isDone = outcome.ok && outcome.kind === 'transact'
        if (isDone && outcome.decision.type === 'committed') {
          this.#added.push({ element, session, at: this.#now() })
        }
        done()
      })
    })
  }

  #readBoth(
    caller: Caller,
    done: (shown: readonly { list: string; text: string; revision: number }[] | undefined) => void
  ): void {
    const shown: { list: string; text: string; revision: number }[] = []
    let left = LISTS.length
    for (const list of LISTS) {
      this.#get(caller, list, 'strong', (outcome) => {
        if (outcome.ok && outcome.kind === 'get') {
          const { record } = outcome
          const text = record === undefined ? '' : (utf8Text(record.value) ?? '')
          shown.push({ list, text, revision: record?.revision ?? 0 })
        }
        if (--left === 0) done(shown.length === LISTS.length ? shown : undefined)
      })
    }
  }

  #glance(caller: Caller, consistency: Glance['consistency'], done: () => void): void {
    const { session } = caller
    const called = this.#now()
    const list = LISTS[this.#random.below(LISTS.length)] as string
    this.#get(caller, list, consistency, (outcome) => {
      // What one life of a client asked, another does not hear.
      if (outcome.ok && outcome.kind === 'get' && caller.session === session) {
        const { record, stalenessMs } = outcome
        const text = record === undefined ? '' : (utf8Text(record.value) ?? '')
        const elements = text.split(' ')
        this.#glances.push({ list, consistency, session, called, stalenessMs, elements })
      }
      done()
    })
  }

  #get(
    caller: Caller,
    list: string,
    consistency: Consistency,
    done: (outcome: CallOutcome) => void
  ): void {
    this.#call(caller, { kind: 'get', key: utf8(list), consistency }, done)
  }

  #call(
    caller: Caller,
    operation: Parameters<Caller['call']>[0],
    done: (outcome: CallOutcome) => void
  ): void {
    this.calls++
    this.inFlight++
    const end = (outcome: CallOutcome): void => {
      this.inFlight--
      done(outcome)
    }
    caller.call(operation, TIMEOUT_MS, end, () => end(LOST))
  }
}
