import type { CallOperation, CallOutcome, Decision } from '../../src/client/inputs.ts'
import type { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { Violation } from '../../src/simulation/violation.ts'
import type { Life } from '../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import type { DataOperation } from '../../src/wire/data-operation.ts'
import type { Check } from '../../src/wire/transaction.ts'
import type { Random } from '../../src/world/random.ts'
import { type Caller, clientCaller, GatewayCaller, judged, LOST } from './callers.ts'
import { type BankRead, checkBank, type Transfer } from './checkers/bank.ts'
import { checkListAppend } from './checkers/list-append.ts'
import type { Step, Transaction } from './checkers/transactions.ts'
import { Fleeting } from './fleeting.ts'

const TIMEOUT_MS = 4_000
/** Of one caller, between two transactions: some runs are crowded. */
const PAUSES_MS_MAX = [50, 300] as const
const LISTS_MAX = 5
/** A list that is longer is left alone, and another one begun. */
const ELEMENTS_MAX = 40
const ACCOUNTS: readonly string[] = ['ann', 'bob', 'cyd', 'dee']

/** What a strong read showed: what a later check of it needs. */
interface Shown {
  readonly key: string
  readonly text: string
  /** 0: there was no such key. */
  readonly revision: number
  readonly applied: number
  readonly quietSince: number
}

type Told = Decision | { readonly type: 'failed' | 'unknown' }

/**
 * Goal: transactions over any keys, and plain reads and writes beside them, are as if done one
 * after the other, in an order that fits real time; money neither comes nor goes. Method: lists
 * that transactions read and append to, judged by their dependencies; and transfers between
 * accounts, some guarded by what was read, some blind.
 */
export class Ledgers {
  readonly #cluster: SimulatedCluster
  readonly #callers: readonly Caller[]
  readonly #random: Random
  readonly #life: Life
  readonly #history: Transaction[] = []
  readonly #bank: (Transfer | BankRead)[] = []
  readonly #pauseMsMax: number
  readonly #lists: string[]
  /** So many of them are in use: the youngest. */
  readonly #listsMax: number
  readonly #fleeting: Fleeting
  #working = true
  #calls = 0
  #inFlight = 0
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
    this.#pauseMsMax = PAUSES_MS_MAX[random.below(2)] as number
    this.#listsMax = 2 + random.below(LISTS_MAX - 1)
    this.#lists = Array.from({ length: this.#listsMax }, (_, i) => `list${i}`)
    this.#fleeting = new Fleeting(this.#callers, { random: random.fork('fleeting'), life })
  }

  /** Calls made. */
  get calls(): number {
    return this.#calls + this.#fleeting.calls
  }

  get inFlight(): number {
    return this.#inFlight + this.#fleeting.inFlight
  }

  /** Transactions that were told to be committed, and to be aborted. */
  get counts(): { readonly committed: number; readonly aborted: number } {
    const of = (outcome: string): number =>
      this.#history.filter((one) => one.outcome === outcome).length
    return { committed: of('ok'), aborted: of('failed') }
  }

  start(): void {
    this.#fleeting.start()
    for (const caller of this.#callers) {
      const next = (): void => {
        this.#life.timers.after(this.#random.below(this.#pauseMsMax), () => {
          if (this.#working) this.#do(caller, next)
        })
      }
      next()
    }
  }

  /** Begins nothing more. */
  stop(): void {
    this.#working = false
    this.#fleeting.stop()
  }

  /** Requires: stopped, nothing in flight, no faults. `inFlight` is 0 again when all was read. */
  readAll(): void {
    const [caller] = this.#callers as [Caller]
    for (const list of this.#lists) this.#readList(caller, list, () => {})
    this.#readBank(caller, true, () => {})
    this.#fleeting.readAll()
  }

  /** Throws Violation. Requires: `readAll`, and nothing in flight. */
  check(): void {
    const [anomaly] = checkListAppend(this.#history)
    if (anomaly !== undefined) throw new Violation(`transactions: ${anomaly.message}`)
    const last = this.#bank.at(-1)
    if (last?.type !== 'read' || last.outcome !== 'ok') {
      throw new Violation('the accounts could not be read on a calm cluster')
    }
    const opening = new Map(ACCOUNTS.map((account) => [account, 0]))
    const bank = { opening, closing: last.balances, isGuarded: false }
    const [fault] = checkBank(this.#bank, bank)
    if (fault !== undefined) throw new Violation(`the bank: ${fault.message}`)
    this.#fleeting.check()
  }

  #do(caller: Caller, done: () => void): void {
    const drawn = this.#random.below(12)
    if (drawn < 5) this.#transact(caller, done)
    else if (drawn < 6) this.#readList(caller, this.#list(), done)
    else if (drawn < 7) this.#append(caller, this.#list(), done)
    else if (drawn < 11) this.#transfer(caller, done)
    else this.#readBank(caller, false, done)
  }

  /** Reads some lists, appends to some of them, and looks at the others. */
  #transact(caller: Caller, done: () => void): void {
    const called = this.#now()
    const lists = this.#some(1 + this.#random.below(3), () => this.#list())
    const appended = lists.filter(() => this.#random.below(3) > 0)
    this.#readAllOf(caller, lists, (shown) => {
      if (shown === undefined) {
        done()
        return
      }
      const elements = new Map(appended.map((list) => [list, `e${++this.#drawn}`]))
      const steps: Step[] = shown.map(readStep)
      for (const [key, element] of elements) steps.push({ type: 'append', key, element })
      const writes = shown.flatMap((one): DataOperation[] => {
        const element = elements.get(one.key)
        if (element === undefined) return []
        const write = put(one.key, withElement(one.text, element))
        // What is deleted and begun anew is another key that looks the same.
        return this.#random.below(3) === 0 ? [{ type: 'delete', key: write.key }, write] : [write]
      })
      const told = (end: Told): void => {
        this.#note({ caller, called, steps }, end)
        done()
      }
      // What is only read is validated by reading it again, in half of the cases.
      const looks = writes.length === 0 && this.#random.below(2) === 0
      if (looks) this.#lookAgain(caller, shown, told)
      else this.#commit(caller, { checks: shown.map(unmoved), writes }, told)
    })
  }

  /** A plain read of one list. */
  #readList(caller: Caller, list: string, done: () => void): void {
    const called = this.#now()
    this.#read(caller, list, (shown) => {
      if (shown !== undefined) {
        this.#note({ caller, called, steps: [readStep(shown)] }, { type: 'committed', results: [] })
      }
      done()
    })
  }

  /** A plain append to one list, by compare-and-set. */
  #append(caller: Caller, list: string, done: () => void): void {
    const called = this.#now()
    this.#read(caller, list, (shown) => {
      if (shown === undefined) {
        done()
        return
      }
      const element = `e${++this.#drawn}`
      const operation = {
        ...put(list, withElement(shown.text, element)),
        ifRevision: shown.revision
      }
      this.#call(caller, { kind: 'mutate', operation }, (outcome) => {
        const steps: Step[] = [readStep(shown), { type: 'append', key: list, element }]
        this.#note({ caller, called, steps }, toldOfPut(outcome))
        done()
      })
    })
  }

  /** Blind, or guarded by what was read; an increment each, or new balances. */
  #transfer(caller: Caller, done: () => void): void {
    const called = this.#now()
    const [from = '', to = ''] = this.#some(2, () => this.#account())
    if (to === '') {
      done()
      return
    }
    const amount = 1 + this.#random.below(9)
    const note = (told: Told): void => {
      const outcome = outcomeOf(told)
      const returned = outcome === 'unknown' ? undefined : this.#now()
      const transfer = { type: 'transfer', from, to, amount } as const
      this.#bank.push({ ...transfer, client: caller.name, called, returned, outcome })
      done()
    }
    if (this.#random.below(2) === 0) {
      const writes = [increment(from, -amount), increment(to, amount)]
      this.#commit(caller, { checks: [], writes }, note)
      return
    }
    this.#readAllOf(caller, [from, to], (shown) => {
      if (shown === undefined) {
        done()
        return
      }
      const writes = shown.map(({ key, text }) => {
        return put(key, String(Number(text) + (key === from ? -amount : amount)))
      })
      this.#commit(caller, { checks: shown.map(unmoved), writes }, note)
    })
  }

  #readBank(caller: Caller, insists: boolean, done: () => void): void {
    const called = this.#now()
    this.#readAllOf(caller, ACCOUNTS, (shown) => {
      if (shown === undefined) {
        done()
        return
      }
      const balances = new Map(shown.map(({ key, text }) => [key, Number(text)]))
      this.#lookAgain(caller, shown, (told) => {
        if (told.type === 'committed') {
          const read = { type: 'read', client: caller.name, called, returned: this.#now() } as const
          this.#bank.push({ ...read, outcome: 'ok', balances })
        } else if (insists) this.#readBank(caller, insists, done)
        if (!insists || told.type === 'committed') done()
      })
    })
  }

  /** The second collect: what did not move between two reads held at one moment between them. */
  #lookAgain(caller: Caller, shown: readonly Shown[], told: (told: Told) => void): void {
    const keys = shown.map(({ key }) => key)
    this.#readAllOf(caller, keys, (again) => {
      if (again === undefined) {
        told({ type: 'failed' })
        return
      }
      const moved = shown.some((first, i) => {
        const second = again[i] as Shown
        if (first.revision !== second.revision) return true
        return first.revision === 0 && second.quietSince > first.applied
      })
      told(moved ? { type: 'aborted', why: 'moved' } : { type: 'committed', results: [] })
    })
  }

  #commit(
    caller: Caller,
    work: { readonly checks: readonly Check[]; readonly writes: readonly DataOperation[] },
    told: (told: Told) => void
  ): void {
    const inOrder = this.#random.below(4) === 0
    this.#call(caller, { kind: 'transact', inOrder, ...work }, (outcome) => {
      if (!outcome.ok) told(toldOfFailure(outcome))
      else if (outcome.kind === 'transact') told(outcome.decision)
      else throw new Violation(`a transaction was answered as ${outcome.kind}`)
    })
  }

  /** All at once; undefined: one of them was not answered. In the order of `keys`. */
  #readAllOf(
    caller: Caller,
    keys: readonly string[],
    done: (shown: readonly Shown[] | undefined) => void
  ): void {
    const shown = new Map<string, Shown>()
    let left = keys.length
    for (const key of keys) {
      this.#read(caller, key, (one) => {
        if (one !== undefined) shown.set(key, one)
        if (--left > 0) return
        const all = keys.flatMap((each) => shown.get(each) ?? [])
        done(all.length === keys.length ? all : undefined)
      })
    }
  }

  #read(caller: Caller, key: string, done: (shown: Shown | undefined) => void): void {
    const get = { kind: 'get', key: utf8(`ledger/${key}`), consistency: 'strong' } as const
    this.#call(caller, get, (outcome) => {
      if (!outcome.ok || outcome.kind !== 'get') done(undefined)
      else {
        const { record, applied, quietSince = Number.POSITIVE_INFINITY } = outcome
        const text = record === undefined ? '' : (utf8Text(record.value) ?? '?')
        done({ key, text, revision: record?.revision ?? 0, applied, quietSince })
      }
    })
  }

  #call(caller: Caller, operation: CallOperation, done: (outcome: CallOutcome) => void): void {
    this.#calls++
    this.#inFlight++
    const end = (outcome: CallOutcome): void => {
      this.#inFlight--
      done(outcome)
    }
    caller.call(operation, TIMEOUT_MS, end, () => end(LOST))
  }

  #note(
    {
      caller,
      called,
      steps
    }: {
      readonly caller: Caller
      readonly called: number
      readonly steps: readonly Step[]
    },
    told: Told
  ): void {
    const outcome = outcomeOf(told)
    const returned = outcome === 'unknown' ? undefined : this.#now()
    this.#history.push({ client: caller.name, called, returned, outcome, steps })
    for (const step of steps) {
      if (step.type === 'read' && step.elements.length > ELEMENTS_MAX) this.#retire(step.key)
    }
  }

  #retire(list: string): void {
    const at = this.#lists.lastIndexOf(list)
    if (at >= this.#lists.length - this.#listsMax) this.#lists.push(`list${this.#lists.length}`)
  }

  /** One of the youngest. */
  #list(): string {
    return this.#lists[this.#lists.length - 1 - this.#random.below(this.#listsMax)] as string
  }

  #account(): string {
    return ACCOUNTS[this.#random.below(ACCOUNTS.length)] as string
  }

  /** Up to `count` different ones. */
  #some(count: number, draw: () => string): readonly string[] {
    return [...new Set(Array.from({ length: count }, draw))]
  }

  #now(): number {
    return this.#cluster.world.now
  }
}

function put(key: string, text: string): DataOperation {
  return { type: 'put', key: utf8(`ledger/${key}`), value: utf8(text) }
}

function increment(key: string, by: number): DataOperation {
  return { type: 'increment', key: utf8(`ledger/${key}`), by }
}

function unmoved({ key, revision }: Shown): Check {
  return { type: 'revision', key: utf8(`ledger/${key}`), revision }
}

function readStep({ key, text }: Shown): Step {
  return { type: 'read', key, elements: text === '' ? [] : text.split(' ') }
}

function withElement(text: string, element: string): string {
  return text === '' ? element : `${text} ${element}`
}

function toldOfFailure({ failure }: CallOutcome & { ok: false }): Told {
  return { type: failure.outcome === 'unknown' ? 'unknown' : 'failed' }
}

function toldOfPut(outcome: CallOutcome): Told {
  if (!outcome.ok) return toldOfFailure(outcome)
  const isDone = outcome.kind === 'mutate' && outcome.result.type === 'written'
  return isDone ? { type: 'committed', results: [] } : { type: 'failed' }
}

function outcomeOf({ type }: Told): Transaction['outcome'] {
  if (type === 'committed') return 'ok'
  return type === 'unknown' ? 'unknown' : 'failed'
}
