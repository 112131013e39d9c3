import type { Random } from '../../../src/world/random.ts'
import type { Step, Transaction } from './transactions.ts'

export interface TransactionsShape {
  readonly clients: number
  readonly transactions: number
  readonly keys: number
  readonly stepsMax: number
  /** Of a hundred transactions, how many end unknown, and how many fail. */
  readonly unknownPercent: number
  readonly failedPercent: number
  /**
   * What a commit looks at once more of what was read: all of it, or, as weaker stores do, only
   * what it also appends to, or nothing.
   */
  readonly checked: 'all' | 'appended' | 'nothing'
}

interface Running {
  readonly client: string
  readonly called: number
  /** What it means to do; the reads have no elements yet. */
  readonly plan: readonly Step[]
  readonly fate: 'ok' | 'failed' | 'unknown'
  /** Whether it reads and commits at one instant, or step by step. */
  readonly atOnce: boolean
  /** Whether it commits after its client gave up, if at all. */
  readonly isLate: boolean
  done: Step[]
  /** How long each list was that it read. */
  readonly found: Map<string, number>
  tries: number
  state: 'running' | 'committed' | 'refused'
}

/** A transaction that meets others this often fails. */
const TRIES_MAX = 4

/**
 * A history of a store that, if it checks all that was read, is strictly serializable by
 * construction: a transaction reads as it goes, keeps its appends, and commits at one instant at
 * which all it read is still so, or begins anew. Those that end unknown commit at any time after
 * that, or never; those that fail never, and what they read may be of many instants.
 */
export function generateTransactions(random: Random, shape: TransactionsShape): Transaction[] {
  const lists = new Lists(shape.checked)
  const history: Transaction[] = []
  const running = new Array<Running | undefined>(shape.clients).fill(undefined)
  /** Unknown ones that have not committed yet, and may never. */
  const adrift: Running[] = []
  let time = 0
  let started = 0
  while (started < shape.transactions || running.some((one) => one !== undefined)) {
    time += random.below(3)
    if (adrift.length > 0 && random.below(4) === 0) {
      const [late] = adrift.splice(random.below(adrift.length), 1)
      if (late !== undefined) lists.commit(late)
    }
    const at = random.below(shape.clients)
    const one = running[at]
    if (one === undefined) {
      if (started === shape.transactions) continue
      running[at] = begin(random, shape, { client: `c${at}`, called: time, id: started++ })
    } else if (one.state === 'running') {
      advance(lists, one)
    } else {
      if (one.fate === 'unknown' && one.state !== 'committed') adrift.push(one)
      history.push(finished(one, time))
      running[at] = undefined
    }
  }
  return history
}

function begin(
  random: Random,
  shape: TransactionsShape,
  { client, called, id }: { readonly client: string; readonly called: number; readonly id: number }
): Running {
  const drawn = random.below(100)
  const isUnknown = drawn < shape.unknownPercent
  const isFailed = !isUnknown && drawn < shape.unknownPercent + shape.failedPercent
  const plan = Array.from({ length: 1 + random.below(shape.stepsMax) }, (_, i): Step => {
    const key = `k${random.below(shape.keys)}`
    const isRead = random.below(2) === 0
    return isRead
      ? { type: 'read', key, elements: [] }
      : { type: 'append', key, element: `${id}.${i}` }
  })
  return {
    client,
    called,
    plan,
    fate: isUnknown ? 'unknown' : isFailed ? 'failed' : 'ok',
    atOnce: random.below(2) === 0,
    isLate: isUnknown && random.below(2) === 0,
    done: [],
    found: new Map(),
    tries: 0,
    state: 'running'
  }
}

function advance(lists: Lists, one: Running): void {
  do {
    const step = one.plan[one.done.length]
    if (step !== undefined) one.done.push(step.type === 'append' ? step : lists.read(one, step.key))
    else {
      lists.end(one)
      return
    }
  } while (one.atOnce)
}

class Lists {
  readonly #lists = new Map<string, readonly string[]>()
  readonly #checked: TransactionsShape['checked']

  constructor(checked: TransactionsShape['checked']) {
    this.#checked = checked
  }

  read(one: Running, key: string): Step {
    const list = this.#lists.get(key) ?? []
    // Not again: what it found first must still be so in the end.
    if (!one.found.has(key)) one.found.set(key, list.length)
    const mine = one.done.flatMap((step) =>
      step.type === 'append' && step.key === key ? [step.element] : []
    )
    return { type: 'read', key, elements: [...list, ...mine] }
  }

  /** After its last step. */
  end(one: Running): void {
    one.tries++
    if (one.fate === 'failed' || one.isLate) one.state = 'refused'
    else if (this.commit(one)) one.state = 'committed'
    else if (one.tries < TRIES_MAX) {
      one.done = []
      one.found.clear()
    } else one.state = 'refused'
  }

  /** Returns false if it does not rest on what is there. */
  commit({ found, done }: Running): boolean {
    const appended = new Set(done.filter(({ type }) => type === 'append').map(({ key }) => key))
    for (const [key, length] of found) {
      if (this.#checked === 'nothing') break
      if (this.#checked === 'appended' && !appended.has(key)) continue
      if ((this.#lists.get(key)?.length ?? 0) !== length) return false
    }
    for (const step of done) {
      if (step.type === 'read') continue
      this.#lists.set(step.key, [...(this.#lists.get(step.key) ?? []), step.element])
    }
    return true
  }
}

function finished({ client, called, fate, state, done }: Running, now: number): Transaction {
  const outcome = fate === 'ok' && state !== 'committed' ? 'failed' : fate
  const returned = outcome === 'unknown' ? undefined : now
  return { client, called, returned, outcome, steps: done }
}
