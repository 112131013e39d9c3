import type { Random } from '../../src/world/random.ts'
import { type Add, checkSet, type SetRead, wrongOf } from '../simulation/checkers/set.ts'
import { type Caller, insist, once, type Told } from './callers.ts'

/** Elements added before this many others are looked for less often. */
const RECENT = 50

/**
 * A set that only grows: a key for each element. Callers add, and look for what was added, lately
 * or long ago, by whomever; what was there once must never be missed.
 */
export class Elements {
  readonly #prefix: string
  readonly #random: Random
  readonly #adds: Add[] = []
  readonly #reads: SetRead[] = []
  readonly counts = { ok: 0, failed: 0, unknown: 0 }

  constructor(prefix: string, random: Random) {
    this.#prefix = prefix
    this.#random = random
  }

  /** What was surely added, with its key and value. */
  get settled(): { readonly key: string; readonly value: string }[] {
    const sure = this.#adds.filter(({ outcome }) => outcome === 'ok')
    return sure.map(({ element }) => ({ key: element, value: valueAt(element) }))
  }

  /** Makes one call; returns its code. */
  one(caller: Caller): Promise<string> {
    if (this.#adds.length === 0 || this.#random.below(2) === 0) return this.#add(caller)
    const recent = Math.min(RECENT, this.#adds.length)
    const back = this.#random.below(this.#random.below(2) === 0 ? recent : this.#adds.length)
    return this.#look(caller, this.#adds.at(-1 - back)?.element ?? '')
  }

  /** Looks for every element once more; returns what cannot be read. */
  async settle(caller: Caller): Promise<string[]> {
    const ills: string[] = []
    for (const { element } of this.#adds) {
      const code = await this.#look(caller, element, insist)
      if (code !== '') ills.push(`${element} cannot be read on a whole cluster: ${code}`)
    }
    return ills
  }

  /** Requires: settled. Returns what is wrong. */
  check(): string[] {
    return wrongOf(checkSet(this.#adds, this.#reads, 'keys'))
  }

  async #add(caller: Caller): Promise<string> {
    const element = `${this.#prefix}/${this.#adds.length}`
    const called = performance.now()
    const at = this.#adds.length
    const add = { client: caller.name, element, called }
    // It counts as under way for whoever looks meanwhile.
    this.#adds.push({ ...add, returned: undefined, outcome: 'unknown' })
    const call = { type: 'put', value: valueAt(element) } as const
    const { outcome, code } = await caller.ask({ key: element, call, consistency: 'strong' })
    this.counts[outcome.type]++
    const returned = outcome.type === 'unknown' ? undefined : performance.now()
    this.#adds[at] = { ...add, returned, outcome: outcome.type }
    return code
  }

  async #look(caller: Caller, element: string, ask = once): Promise<string> {
    const called = performance.now()
    const asked = { key: element, call: { type: 'get' }, consistency: 'strong' } as const
    const { outcome, code } = await ask(caller, asked)
    this.counts[outcome.type]++
    if (outcome.type !== 'ok') return code
    const elements = elementsShown(element, outcome.answer)
    const read = { client: caller.name, called, returned: performance.now(), elements }
    this.#reads.push({ ...read, asked: new Set([element]) })
    return code
  }
}

export const valueAt = (element: string): string => `value of ${element}`

/** Another value than was written is an element nobody added. */
function elementsShown(
  element: string,
  answer: Extract<Told['outcome'], { type: 'ok' }>['answer']
): string[] {
  if (answer.type !== 'value') return []
  return [answer.value === valueAt(element) ? element : `${element} with ${answer.value}`]
}
