import type { CallOperation, CallOutcome } from '../../src/client/inputs.ts'
import type { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { Violation } from '../../src/simulation/violation.ts'
import type { Life } from '../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import type { DataOperation } from '../../src/wire/data-operation.ts'
import type { Random } from '../../src/world/random.ts'
import { type Caller, clientCaller, GatewayCaller, judged } from './callers.ts'
import { type Add, checkSet, type SetRead, wrongOf } from './checkers/set.ts'

const TIMEOUT_MS = 4_000
/** Of an element, on average. */
const ADD_EVERY_MS = 200
const READ_EVERY_MS = 500
/** Of a read while there are faults; the last one looks for all. */
const ASKED_MAX = 6
/** Updates of the list that met another one first. */
const TRIES_MAX = 8
const LIST = utf8('list')

/** What a call came to: `conflict` and `failed` are sure to have done nothing. */
type Told =
  | { readonly type: 'read'; readonly text: string; readonly revision: number }
  | { readonly type: 'written' | 'conflict' | 'failed' | 'unknown' }

/**
 * Goal: nothing that was added is ever lost, and nothing comes of itself, however long ago it was
 * written: hot keys are overwritten soon, and hide what a store forgot. Method: two sets that only
 * grow, one a key for each element, the other one list that many update by compare-and-set; read
 * under faults, and whole in the end.
 */
export class GrowingSets {
  /** Calls made. */
  calls = 0
  inFlight = 0
  readonly #callers: readonly Caller[]
  readonly #random: Random
  readonly #life: Life
  readonly #adds: Add[] = []
  readonly #reads: SetRead[] = []
  readonly #listAdds: Add[] = []
  readonly #listReads: SetRead[] = []
  #working = true
  #drawn = 0

  constructor(
    cluster: SimulatedCluster,
    { random, life }: { readonly random: Random; readonly life: Life }
  ) {
    const callers = [...cluster.clients.map(clientCaller), new GatewayCaller(cluster, life)]
    this.#callers = callers.map((caller) => judged(cluster, caller))
    this.#random = random
    this.#life = life
  }

  start(): void {
    this.#every(ADD_EVERY_MS, () => this.#add())
    this.#every(READ_EVERY_MS, () => this.#read())
  }

  /** Adds nothing more. */
  stop(): void {
    this.#working = false
  }

  /** Looks for every element. Requires: stopped, nothing in flight, and no faults. */
  readAll(): void {
    // A client of the library, which finds its way: a node that may not come back can end itself
    // at any time, and callers over HTTP with it.
    const caller = this.#callers[0] as Caller
    const elements = [...new Set(this.#adds.map(({ element }) => element))]
    // A few at a time: a client takes only so many.
    const next = (): void => {
      const some = elements.splice(0, 50)
      if (some.length > 0) this.#readKeys(caller, some, next)
    }
    next()
    this.#readList(caller, () => {})
  }

  /** Throws Violation. Requires: `readAll`, and nothing in flight. */
  check(): void {
    for (const [name, verdict] of [
      ['keys', checkSet(this.#adds, this.#reads, 'keys')],
      ['a list', checkSet(this.#listAdds, this.#listReads, 'list')]
    ] as const) {
      const [wrong] = wrongOf(verdict)
      if (wrong !== undefined) throw new Violation(`the set of ${name}: ${wrong}`)
      if (verdict.neverRead.length > 0) {
        throw new Violation(`the set of ${name} could not be read: ${verdict.neverRead[0]}`)
      }
    }
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

  #add(): void {
    const element = `e${this.#drawn++}`
    const caller = this.#caller()
    const called = this.#now()
    if (this.#random.below(4) === 0) this.#append({ caller, element, called }, TRIES_MAX)
    else {
      const operation = { type: 'put', key: keyOf(element), value: utf8('here') } as const
      this.#call(caller, mutation(operation), (told) => {
        this.#adds.push(this.#ended({ caller, element, called }, told))
      })
    }
  }

  /** Reads the list and puts it back with the element behind, if nobody else did meanwhile. */
  #append(adding: Adding, tries: number): void {
    const { caller, element } = adding
    const end = (told: Told): void => void this.#listAdds.push(this.#ended(adding, told))
    this.#readList(caller, (list) => {
      if (list.type !== 'read') {
        end({ type: 'failed' })
        return
      }
      const text = list.text === '' ? element : `${list.text} ${element}`
      const { revision: ifRevision } = list
      const operation = { type: 'put', key: LIST, value: utf8(text), ifRevision } as const
      this.#call(caller, mutation(operation), (told) => {
        const again = told.type === 'conflict' && tries > 0 && this.#working
        if (again) this.#append(adding, tries - 1)
        else end(told)
      })
    })
  }

  #ended({ caller, element, called }: Adding, { type }: Told): Add {
    const outcome = type === 'written' ? 'ok' : type === 'unknown' ? 'unknown' : 'failed'
    const returned = outcome === 'unknown' ? undefined : this.#now()
    return { client: caller.name, element, called, returned, outcome }
  }

  #read(): void {
    if (this.#random.below(3) === 0) {
      this.#readList(this.#caller(), () => {})
      return
    }
    const count = Math.min(this.#drawn, 1 + this.#random.below(ASKED_MAX))
    const drawn = Array.from({ length: count }, () => `e${this.#random.below(this.#drawn)}`)
    this.#readKeys(this.#caller(), [...new Set(drawn)], () => {})
  }

  /** Each key is a get of its own; those that are not answered are not asked for. */
  #readKeys(caller: Caller, elements: readonly string[], done: () => void): void {
    const called = this.#now()
    const asked = new Set<string>()
    const there: string[] = []
    let left = elements.length
    for (const element of elements) {
      this.#call(caller, get(keyOf(element)), (told) => {
        if (told.type === 'read') asked.add(element)
        if (told.type === 'read' && told.revision > 0) there.push(element)
        if (--left > 0) return
        const read = { client: caller.name, called, returned: this.#now(), elements: there, asked }
        this.#reads.push(read)
        done()
      })
    }
  }

  #readList(caller: Caller, done: (told: Told) => void): void {
    const called = this.#now()
    this.#call(caller, get(LIST), (told) => {
      if (told.type === 'read') {
        const elements = told.text === '' ? [] : told.text.split(' ')
        this.#listReads.push({ client: caller.name, called, returned: this.#now(), elements })
      }
      done(told)
    })
  }

  #call(caller: Caller, operation: CallOperation, done: (told: Told) => void): void {
    this.calls++
    this.inFlight++
    const end = (told: Told): void => {
      this.inFlight--
      done(told)
    }
    caller.call(
      operation,
      TIMEOUT_MS,
      (outcome) => end(toldBy(outcome)),
      () => end({ type: 'unknown' })
    )
  }

  #now(): number {
    return this.#life.clock.monotonic()
  }
}

interface Adding {
  readonly caller: Caller
  readonly element: string
  readonly called: number
}

const keyOf = (element: string): Uint8Array => utf8(`set/${element}`)

const get = (key: Uint8Array): CallOperation => ({ kind: 'get', key, consistency: 'strong' })

const mutation = (operation: DataOperation): CallOperation => ({ kind: 'mutate', operation })

function toldBy(outcome: CallOutcome): Told {
  if (!outcome.ok) return { type: outcome.failure.outcome === 'unknown' ? 'unknown' : 'failed' }
  if (outcome.kind === 'get') {
    const { record } = outcome
    if (record === undefined) return { type: 'read', text: '', revision: 0 }
    return { type: 'read', text: utf8Text(record.value) ?? '?', revision: record.revision }
  }
  if (outcome.kind !== 'mutate') throw new Violation(`a put was answered as ${outcome.kind}`)
  const { type } = outcome.result
  if (type === 'written' || type === 'conflict') return { type }
  throw new Violation(`a put was answered with ${JSON.stringify(outcome.result)}`)
}
