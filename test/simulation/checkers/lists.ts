import type { Anomaly, AnomalyKind } from './anomaly.ts'
import { describeList, describeTransaction, type Transaction } from './transactions.ts'

/** One element appended by one transaction. */
export interface Append {
  readonly element: string
  /** The place of its transaction in the history. */
  readonly by: number
  /** All that this transaction appends to this key, in its order, and its own place there. */
  readonly siblings: readonly Append[]
  readonly nth: number
  /** A read that counts shows it. */
  seen: boolean
  /** Acknowledged, and a later read lacks it, though no other shows it. */
  lost: boolean
}

/** What a transaction found at a key, without what it appended itself. */
export interface Base {
  readonly by: number
  readonly elements: readonly string[]
}

/** What is known of the list at one key. */
export interface List {
  readonly key: string
  readonly appends: Map<string, Append>
  /** Those that show a beginning of `order`. */
  readonly bases: Base[]
  /** Those that do not. */
  readonly odd: Base[]
  /** The longest list that a read showed: the order in which the elements came. */
  order: readonly string[]
  /** The append of each element of `order`; undefined where none counts. */
  readonly places: (Append | undefined)[]
}

/**
 * What the reads of a history tell: which transactions took effect, the order of each list, and
 * all that is wrong without looking for cycles.
 */
export class Lists {
  readonly byKey = new Map<string, List>()
  readonly anomalies: Anomaly[] = []
  /** By place in the history: acknowledged, or seen. */
  readonly happened: boolean[]
  readonly #history: readonly Transaction[]
  readonly #counted: number[] = []

  constructor(history: readonly Transaction[]) {
    this.#history = history
    this.happened = history.map(({ outcome }) => outcome === 'ok')
    for (const [by, transaction] of history.entries()) this.#noteAppends(by, transaction)
    for (const [by, { outcome }] of history.entries()) if (outcome === 'ok') this.#counted.push(by)
    // Grows: what counts can show that another one happened.
    for (const by of this.#counted) this.#noteReads(by)
    for (const list of this.byKey.values()) this.#judge(list)
  }

  #noteAppends(by: number, transaction: Transaction): void {
    if (transaction.outcome === 'ok' && !(Number(transaction.returned) >= transaction.called)) {
      throw new Error(`an answer without a time: ${describeTransaction(transaction)}`)
    }
    const siblingsByKey = new Map<string, Append[]>()
    for (const step of transaction.steps) {
      if (step.type === 'read') continue
      const { key, element } = step
      const { appends } = this.#list(key)
      if (appends.has(element)) throw new Error(`${element} is appended to ${key} twice`)
      const siblings = siblingsByKey.get(key) ?? []
      siblingsByKey.set(key, siblings)
      const append = { element, by, siblings, nth: siblings.length, seen: false, lost: false }
      siblings.push(append)
      appends.set(element, append)
    }
  }

  #noteReads(by: number): void {
    const { bases, wrong } = basesOf(this.#history[by] as Transaction)
    for (const what of wrong) this.#accuse('internal', [by], what)
    for (const [key, elements] of bases) this.#noteBase(this.#list(key), { by, elements })
  }

  #noteBase(list: List, base: Base): void {
    const { elements } = base
    const shared = sharedLength(list.order, elements)
    if (shared < elements.length && shared < list.order.length) {
      if (list.odd.length === 0) this.#accuseOrder(list, base, shared)
      list.odd.push(base)
      const shown = new Set<string>()
      for (const element of elements) this.#noteElement(list, { element, base, shown })
      return
    }
    list.bases.push(base)
    if (elements.length === shared) return
    const shown = new Set(list.order)
    for (const element of elements.slice(shared)) {
      list.places.push(this.#noteElement(list, { element, base, shown }))
    }
    list.order = elements
  }

  /** Returns the append that put `element` into a list; undefined if it should not be there. */
  #noteElement(
    { key, appends }: List,
    seen: { readonly element: string; readonly base: Base; readonly shown: Set<string> }
  ): Append | undefined {
    const { element, base, shown } = seen
    const reading = `reads ${key} as ${describeList(base.elements)}`
    if (shown.has(element)) {
      this.#accuse('duplicate', [base.by], `${reading}, with ${element} twice`)
      return undefined
    }
    shown.add(element)
    const append = appends.get(element)
    if (append === undefined) {
      this.#accuse('phantom', [base.by], `${reading}, and nobody appended ${element}`)
      return undefined
    }
    const writer = this.#history[append.by] as Transaction
    if (writer.outcome === 'failed') {
      const failed = `and ${describeTransaction(writer)}, which appended ${element}, failed`
      this.#accuse('G1a', [base.by, append.by], `${reading}, ${failed}`)
      return undefined
    }
    append.seen = true
    if (!this.happened[append.by]) {
      this.happened[append.by] = true
      this.#counted.push(append.by)
    }
    return append
  }

  #judge(list: List): void {
    this.#judgeParts(list)
    const reads = [...list.bases, ...list.odd].map(({ by }) => by)
    const calledAt = (by: number): number => (this.#history[by] as Transaction).called
    const last = reads.reduce<number | undefined>(
      (latest, by) => (latest !== undefined && calledAt(latest) >= calledAt(by) ? latest : by),
      undefined
    )
    if (last === undefined) return
    for (const append of list.appends.values()) {
      const { outcome, returned } = this.#history[append.by] as Transaction
      if (outcome !== 'ok' || append.seen || Number(returned) >= calledAt(last)) continue
      append.lost = true
      const reader = describeTransaction(this.#history[last] as Transaction)
      const what = `appended ${append.element} to ${list.key}, and it is missing from ${reader}`
      this.#accuse('lost-append', [append.by, last], what)
    }
  }

  /** Whether what one transaction appends comes as one, in its order. */
  #judgeParts(list: List): void {
    /** At each place, how much of what the transaction there appended stands up to it. */
    const parts: number[] = []
    const counts = new Map<number, number>()
    let previous: Append | undefined
    for (const append of list.places) {
      const count = append === undefined ? 0 : (counts.get(append.by) ?? 0) + 1
      parts.push(count)
      if (append === undefined) continue
      counts.set(append.by, count)
      if (previous?.by === append.by && previous.nth > append.nth) {
        const what = `appended ${append.element} to ${list.key} before ${previous.element}, `
        const order = `and the list is ${describeList(list.order)}`
        this.#accuse('incompatible-order', [append.by], what + order)
      }
      previous = append
    }
    const accused = new Set<number>()
    for (const { by, elements } of list.bases) {
      const end = elements.length - 1
      const append = list.places[end]
      if (append === undefined || parts[end] === append.siblings.length) continue
      if (accused.has(end)) continue
      accused.add(end)
      const writer = describeTransaction(this.#history[append.by] as Transaction)
      const all = describeList(append.siblings.map(({ element }) => element))
      const what = `reads ${list.key} as ${describeList(elements)}, a part of ${all} of ${writer}`
      this.#accuse('G1b', [by, append.by], what)
    }
  }

  #accuseOrder(list: List, { by, elements }: Base, shared: number): void {
    const other = list.bases.find((base) => base.elements.length > shared) as Base
    const reader = describeTransaction(this.#history[other.by] as Transaction)
    const lists = `${describeList(elements)}, and ${reader} as ${describeList(other.elements)}`
    this.#accuse('incompatible-order', [by, other.by], `reads ${list.key} as ${lists}`)
  }

  /** `what` is said of the first of `who`. */
  #accuse(kind: AnomalyKind, who: readonly number[], what: string): void {
    const transactions = who.map((by) => this.#history[by] as Transaction)
    const first = describeTransaction(transactions[0] as Transaction)
    this.anomalies.push({ kind, transactions, message: `${kind}: ${first} ${what}` })
  }

  #list(key: string): List {
    const known = this.byKey.get(key)
    if (known !== undefined) return known
    const list = { key, appends: new Map(), bases: [], odd: [], order: [], places: [] }
    this.byKey.set(key, list)
    return list
  }
}

/** What a transaction found at each key, and where it is at odds with itself. */
function basesOf({ steps }: Transaction): {
  readonly bases: ReadonlyMap<string, readonly string[]>
  readonly wrong: readonly string[]
} {
  const bases = new Map<string, readonly string[]>()
  const own = new Map<string, string[]>()
  const wrong: string[] = []
  for (const step of steps) {
    const { key } = step
    const mine = own.get(key) ?? []
    if (step.type === 'append') {
      mine.push(step.element)
      own.set(key, mine)
      continue
    }
    const base = withoutEnd(step.elements, mine)
    const known = bases.get(key)
    const reading = `reads ${key} as ${describeList(step.elements)}`
    if (base === undefined) wrong.push(`${reading} after it appended ${describeList(mine)}`)
    else if (known === undefined) bases.set(key, base)
    else if (sharedLength(known, base) < Math.max(known.length, base.length)) {
      wrong.push(`${reading}, and found ${describeList(known)} before`)
    }
  }
  for (const [key, mine] of own) {
    const early = mine.find((element) => bases.get(key)?.includes(element))
    if (early === undefined) continue
    wrong.push(`finds ${early} in ${key} before it appends it`)
    bases.delete(key)
  }
  return { bases, wrong }
}

/** `elements` without `end`; undefined if they do not end so. */
function withoutEnd(
  elements: readonly string[],
  end: readonly string[]
): readonly string[] | undefined {
  if (end.length === 0) return elements
  const from = elements.length - end.length
  if (from < 0 || end.some((element, i) => elements[from + i] !== element)) return undefined
  return elements.slice(0, from)
}

/** How many elements both begin with. */
function sharedLength(a: readonly string[], b: readonly string[]): number {
  const end = Math.min(a.length, b.length)
  let at = 0
  while (at < end && a[at] === b[at]) at++
  return at
}
