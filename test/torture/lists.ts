import type { TxnOp } from 'keymesh'
import type { Random } from '../../src/world/random.ts'
import { checkListAppend } from '../simulation/checkers/list-append.ts'
import type { Step, Transaction } from '../simulation/checkers/transactions.ts'
import { type Caller, insist, once } from './callers.ts'
import type { Fate, Fates } from './fates.ts'
import type { ClientTransactor, Ran, Request } from './transactors.ts'

/** In use at a time: few, so that transactions meet. */
const LISTS = 4
/** Of one transaction. */
const LISTS_TOUCHED_MAX = 3
/** A list that is longer is left alone, and another one begun. */
const ELEMENTS_MAX = 40

type Deed = Pick<Transaction, 'client' | 'called' | 'steps'>

/** A list as a plain read showed it. */
interface Shown {
  readonly key: string
  /** Undefined: there is no such key. */
  readonly text: string | undefined
  readonly revision: number
}

/**
 * Lists that callers read and append to, several at once, by all that the library and HTTP offer,
 * and plain reads and compare-and-set appends beside them. All of it must be as if done one after
 * the other, in an order that fits real time.
 */
export class Lists {
  readonly #prefix: string
  readonly #random: Random
  readonly #fates: Fates
  readonly #history: { readonly deed: Deed; readonly fate: Fate }[] = []
  readonly #lists: string[] = []
  #elements = 0

  constructor(prefix: string, random: Random, fates: Fates) {
    this.#prefix = prefix
    this.#random = random
    this.#fates = fates
    for (let i = 0; i < LISTS; i++) this.#begin()
  }

  /** Makes one transaction; returns its code. */
  one(caller: Caller): Promise<string> {
    const drawn = this.#random.below(10)
    if (drawn < 1) return this.#look(caller, this.#list())
    if (drawn < 3) return this.#append(caller, this.#list())
    const lists = this.#some()
    if (drawn < 4) return this.#snapshot(caller, lists)
    const { transactor } = caller
    if (transactor.type === 'http' || drawn < 6) return this.#compareAndSet(caller, lists)
    return this.#interact(caller, transactor, lists)
  }

  /** Reads every list once more; returns what cannot be read. */
  async settle(caller: Caller): Promise<string[]> {
    const ills: string[] = []
    for (const list of this.#lists) {
      const code = await this.#look(caller, list, insist)
      if (code !== '') ills.push(`${list} cannot be read on a whole cluster: ${code}`)
    }
    return ills
  }

  /** Requires: settled. Returns what is wrong. */
  check(): string[] {
    return checkListAppend(this.history).map(({ message }) => message)
  }

  get history(): Transaction[] {
    return this.#history.map(({ deed, fate }) => ({ ...deed, ...fate }))
  }

  /** A plain read. */
  async #look(caller: Caller, list: string, ask = once): Promise<string> {
    const called = performance.now()
    const { shown, code } = await this.#read(caller, list, ask)
    if (shown !== undefined) this.#note({ caller, called, steps: [readStep(shown)] }, OK)
    return code
  }

  /** Appends to one list by a plain compare-and-set. */
  async #append(caller: Caller, key: string): Promise<string> {
    const called = performance.now()
    const { shown, code } = await this.#read(caller, key)
    if (shown === undefined) return code
    const element = this.#element()
    const value = withElement(shown.text, element)
    const call = { type: 'put', value, ifRevision: shown.revision } as const
    const told = await caller.ask({ key, call, consistency: 'strong' })
    const { outcome } = told
    const isWritten = outcome.type === 'ok' && outcome.answer.type === 'written'
    const ended = outcome.type === 'unknown' ? 'unknown' : isWritten ? 'committed' : 'failed'
    const steps: Step[] = [readStep(shown), { type: 'append', key, element }]
    this.#note({ caller, called, steps }, { outcome: ended, values: [], code: told.code })
    return told.code
  }

  /** Several lists at one moment. */
  async #snapshot(caller: Caller, lists: readonly string[]): Promise<string> {
    const called = performance.now()
    const ran = await caller.transactor.snapshot(lists)
    const steps = ran.outcome === 'committed' ? readSteps(lists, ran.values) : []
    this.#note({ caller, called, steps }, ran)
    return ran.code
  }

  /** Appends if nothing has moved since it was read, else tells what is there instead. */
  async #compareAndSet(caller: Caller, lists: readonly string[]): Promise<string> {
    const called = performance.now()
    const shown: Shown[] = []
    for (const list of lists) {
      const read = await this.#read(caller, list)
      if (read.shown === undefined) return read.code
      shown.push(read.shown)
    }
    const { request, steps, looked } = this.#draw(shown)
    const sent = performance.now()
    const ran = await caller.transactor.run(request)
    const { outcome, values } = ran
    const seen = outcome === 'committed' ? readSteps(looked, values.slice(-looked.length)) : []
    this.#note({ caller, called, steps: [...steps, ...seen] }, ran)
    if (outcome === 'refused') {
      const instead = { caller, called: sent, steps: readSteps(lists, values) }
      this.#note(instead, OK)
    }
    return ran.code
  }

  /** `looked`: what is read along with the writes, by the last operations. */
  #draw(shown: readonly Shown[]): {
    readonly request: Request
    readonly steps: readonly Step[]
    readonly looked: readonly string[]
  } {
    const steps: Step[] = shown.map(readStep)
    const writes = shown.flatMap(({ key, text }): TxnOp<string>[] => {
      if (this.#random.below(3) === 0) return []
      const element = this.#element()
      steps.push({ type: 'append', key, element })
      const put = { put: key, value: withElement(text, element) }
      // What is deleted and begun anew is another key that looks the same.
      return this.#random.below(3) === 0 ? [{ delete: key }, put] : [put]
    })
    const read = new Set(shown.map(({ key }) => key))
    const looked = [this.#list()].filter((list) => !read.has(list))
    const ops = [...writes, ...looked.map((get) => ({ get }))]
    const otherwise = shown.map(({ key }) => ({ get: key }))
    const request = { if: shown.map((one) => this.#condition(one)), ops, else: otherwise }
    return { request, steps, looked }
  }

  /** Lists only grow, so a value says as much as a revision. */
  #condition({ key, text, revision }: Shown): Request['if'][number] {
    if (this.#random.below(2) === 0) return { key, revision }
    return text === undefined ? { key, exists: false } : { key, value: text }
  }

  /** By a callback of the library, which may run several times. */
  async #interact(
    caller: Caller,
    transactor: ClientTransactor,
    lists: readonly string[]
  ): Promise<string> {
    const called = performance.now()
    const attempts: Step[][] = []
    const appended = new Set(lists.filter(() => this.#random.below(3) > 0))
    const ran = await transactor.transaction(async (tx) => {
      const steps: Step[] = []
      attempts.push(steps)
      const values = await tx.getMany(lists)
      steps.push(...readSteps(lists, values))
      for (const [i, key] of lists.entries()) {
        if (!appended.has(key)) continue
        const element = this.#element()
        steps.push({ type: 'append', key, element })
        tx.put(key, withElement(values[i], element))
      }
    })
    const last = attempts.pop()
    // Of those that were tried again nothing may be left.
    for (const steps of attempts) this.#note({ caller, called, steps }, FAILED)
    if (last !== undefined) this.#note({ caller, called, steps: last }, ran)
    return ran.code
  }

  async #read(
    caller: Caller,
    key: string,
    ask = once
  ): Promise<{ readonly shown?: Shown; readonly code: string }> {
    const { outcome, code } = await ask(caller, {
      key,
      call: { type: 'get' },
      consistency: 'strong'
    })
    if (outcome.type !== 'ok') return { code }
    const { answer } = outcome
    if (answer.type === 'absent') return { shown: { key, text: undefined, revision: 0 }, code }
    if (answer.type !== 'value') throw new Error(`a read was answered as ${answer.type}`)
    return { shown: { key, text: answer.value, revision: answer.revision }, code }
  }

  #note(
    { caller, called, steps }: Pick<Deed, 'called' | 'steps'> & { readonly caller: Caller },
    ran: Ran
  ): void {
    this.#history.push({ deed: { client: caller.name, called, steps }, fate: this.#fates.of(ran) })
    for (const step of steps) {
      if (step.type !== 'read' || step.elements.length <= ELEMENTS_MAX) continue
      if (this.#lists.lastIndexOf(step.key) >= this.#lists.length - LISTS) this.#begin()
    }
  }

  #begin(): void {
    this.#lists.push(`${this.#prefix}${this.#lists.length}`)
  }

  #element(): string {
    return `e${++this.#elements}`
  }

  /** One of the youngest. */
  #list(): string {
    return this.#lists.at(-1 - this.#random.below(LISTS)) as string
  }

  #some(): readonly string[] {
    const count = 1 + this.#random.below(LISTS_TOUCHED_MAX)
    return [...new Set(Array.from({ length: count }, () => this.#list()))]
  }
}

const OK: Ran = { outcome: 'committed', values: [], code: '' }
const FAILED: Ran = { outcome: 'failed', values: [], code: '' }

const elementsOf = (text: string | undefined): string[] => text?.split(' ') ?? []

const readStep = ({ key, text }: Omit<Shown, 'revision'>): Step => {
  return { type: 'read', key, elements: elementsOf(text) }
}

const readSteps = (keys: readonly string[], values: readonly (string | undefined)[]): Step[] =>
  keys.map((key, i) => readStep({ key, text: values[i] }))

const withElement = (text: string | undefined, element: string): string =>
  text === undefined ? element : `${text} ${element}`
