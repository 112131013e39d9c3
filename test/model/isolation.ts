import type { Model } from './explore.ts'

/*
 * Transactions that run side by side, each over keys that stand in partitions of their own. A key
 * and a record are objects whose steps are atomic; that decisions arrive everywhere, once and
 * right, is what `commit.ts` is about. Anybody may abort a transaction that is not decided.
 */

/** A transaction reads its keys in this order, then writes its own name to others, or the same. */
export interface Plan {
  readonly reads: readonly Key[]
  readonly writes: readonly Key[]
}

export type Key = 'x' | 'y'
export const KEYS: readonly Key[] = ['x', 'y']

/** What the protocol does; each rule can be left out, to see what it is good for. */
export interface Rules {
  /** A prepare refuses if what was read has another revision now. */
  readonly checkRevisions: boolean
  /** What was read stays locked against writers until the decision. */
  readonly readLocks: boolean
  /** A read that meets an intent asks its record: committed is new, pending old. */
  readonly askRecord: boolean
  /** A transaction that only reads looks at all revisions once more. */
  readonly secondCollect: boolean
  /** And that look fails where there is an intent. */
  readonly collectMeetsIntents: boolean
}

export const RULES: Rules = {
  checkRevisions: true,
  readLocks: true,
  askRecord: true,
  secondCollect: true,
  collectMeetsIntents: true
}

interface Cell {
  /** Who wrote it last; -1: nobody yet. */
  readonly value: number
  readonly revision: number
  /** Whose intent stands here; -1: nobody's. */
  readonly intent: number
  /** Who prepared a read of it and is not decided. */
  readonly lockedBy: readonly number[]
}

interface Running {
  /** reading, preparing, looking again, or done. */
  readonly phase: 'r' | 'p' | 'l' | '.'
  readonly at: number
  readonly seen: readonly (readonly [revision: number, value: number])[]
  /** Keys that are prepared, or were resolved. */
  readonly prepared: readonly Key[]
  readonly resolved: readonly Key[]
  readonly record: 'P' | 'C' | 'A'
}

export interface State {
  readonly cells: Readonly<Record<Key, Cell>>
  readonly running: readonly Running[]
  /** `a<b`: a had its answer before b began. */
  readonly order: readonly string[]
}

export class IsolationModel implements Model<State> {
  readonly initial: State
  readonly #plans: readonly Plan[]
  readonly #rules: Rules

  constructor(rules: Rules, plans: readonly Plan[]) {
    this.#rules = rules
    this.#plans = plans
    const cell = { value: -1, revision: 0, intent: -1, lockedBy: [] }
    const fresh = { at: 0, seen: [], prepared: [], resolved: [], record: 'P' } as const
    this.initial = {
      cells: { x: cell, y: cell },
      running: plans.map(({ reads }) => ({ ...fresh, phase: reads.length > 0 ? 'r' : 'p' })),
      order: []
    }
  }

  key(state: State): string {
    return JSON.stringify(state)
  }

  steps(state: State, to: (label: string, next: State) => void): void {
    for (const [t, one] of state.running.entries()) {
      const { reads, writes } = this.#plans[t] as Plan
      if (one.phase === 'r') to(`read ${t}`, this.#read(this.#begun(state, t), t))
      if (one.phase === 'l') to(`look ${t}`, this.#look(state, t))
      if (one.phase === 'p') {
        const left = this.#keysOf(t).filter((key) => !one.prepared.includes(key))
        const from = reads.length === 0 && one.prepared.length === 0 ? this.#begun(state, t) : state
        for (const key of left) to(`prepare ${t} ${key}`, this.#prepare(from, t, key))
        if (left.length === 0 && one.record === 'P') to(`commit ${t}`, ended(state, t, 'C'))
      }
      if (one.record === 'P' && writes.length > 0) to(`abort ${t}`, ended(state, t, 'A'))
      if (one.record === 'P') continue
      for (const key of this.#keysOf(t)) {
        if (one.prepared.includes(key) && !one.resolved.includes(key)) {
          to(`resolve ${t} ${key}`, resolved(state, t, key))
        }
      }
    }
  }

  broken(state: State): readonly string[] {
    if (!this.#isOver(state)) return []
    const committed = [...state.running.keys()].filter((t) => state.running[t]?.record === 'C')
    const orders = permutations(committed).filter((order) => this.#explains(state, order))
    if (orders.length === 0) return ['not serializable']
    const inTime = orders.some((order) =>
      state.order.every((pair) => {
        const [a = -1, b = -1] = pair.split('<').map((t) => order.indexOf(Number(t)))
        return a < 0 || b < 0 || a < b
      })
    )
    return inTime ? [] : ['not in the order of real time']
  }

  marks(state: State): readonly string[] {
    if (!this.#isOver(state)) return []
    const committed = state.running.filter(({ record }) => record === 'C').length
    return [`${committed} committed`]
  }

  #isOver({ running }: State): boolean {
    return running.every(
      ({ phase, prepared, resolved: done }) => phase === '.' && done.length === prepared.length
    )
  }

  #keysOf(t: number): readonly Key[] {
    const { reads, writes } = this.#plans[t] as Plan
    return KEYS.filter((key) => reads.includes(key) || writes.includes(key))
  }

  /** Whatever was answered before now is before it. */
  #begun(state: State, t: number): State {
    if ((state.running[t] as Running).at > 0) return state
    const before = [...state.running.keys()].filter((u) => state.running[u]?.record === 'C')
    const order = new Set([...state.order, ...before.map((u) => `${u}<${t}`)])
    return { ...state, order: [...order].sort() }
  }

  #read(state: State, t: number): State {
    const one = state.running[t] as Running
    const { reads, writes } = this.#plans[t] as Plan
    const seen = [...one.seen, this.#valueOf(state, reads[one.at] as Key)]
    const at = one.at + 1
    if (at < reads.length) return changed(state, t, { seen, at })
    if (writes.length > 0) return changed(state, t, { seen, at, phase: 'p' })
    if (this.#rules.secondCollect) return changed(state, t, { seen, at: 0, phase: 'l' })
    return changed(state, t, { seen, at, phase: '.', record: 'C' })
  }

  #valueOf({ cells, running }: State, key: Key): readonly [number, number] {
    const { value, revision, intent } = cells[key]
    const isNew = intent >= 0 && this.#rules.askRecord && running[intent]?.record === 'C'
    return isNew ? [revision + 1, intent] : [revision, value]
  }

  /** The second collect: one key at a time. */
  #look(state: State, t: number): State {
    const one = state.running[t] as Running
    const { reads } = this.#plans[t] as Plan
    const { revision, intent } = state.cells[reads[one.at] as Key]
    const isSame = revision === one.seen[one.at]?.[0]
    if (!isSame || (intent >= 0 && this.#rules.collectMeetsIntents)) {
      return changed(state, t, { phase: '.', record: 'A' })
    }
    const at = one.at + 1
    if (at < reads.length) return changed(state, t, { at })
    return changed(state, t, { at, phase: '.', record: 'C' })
  }

  #prepare(state: State, t: number, key: Key): State {
    const one = state.running[t] as Running
    const { reads, writes } = this.#plans[t] as Plan
    const { revision, intent, lockedBy } = state.cells[key]
    const isRead = reads.includes(key)
    const isWritten = writes.includes(key)
    const moved =
      isRead && this.#rules.checkRevisions && revision !== one.seen[reads.indexOf(key)]?.[0]
    const taken = intent >= 0 || (isWritten && lockedBy.some((other) => other !== t))
    if (moved || taken || one.record !== 'P') return ended(state, t, 'A')
    const locked = isRead && this.#rules.readLocks ? [...lockedBy, t].sort() : lockedBy
    const cell = { ...state.cells[key], intent: isWritten ? t : intent, lockedBy: locked }
    const placed = { ...state, cells: { ...state.cells, [key]: cell } }
    const began = one.at === 0 ? 1 : one.at
    return changed(placed, t, { prepared: [...one.prepared, key].sort(), at: began })
  }

  /** Whether the committed transactions, run one after the other, read and leave what they did. */
  #explains({ cells, running }: State, order: readonly number[]): boolean {
    const values: Record<Key, number> = { x: -1, y: -1 }
    for (const t of order) {
      const { reads, writes } = this.#plans[t] as Plan
      if (reads.some((key, i) => running[t]?.seen[i]?.[1] !== values[key])) return false
      for (const key of writes) values[key] = t
    }
    return KEYS.every((key) => cells[key].value === values[key])
  }
}

function changed(state: State, t: number, change: Partial<Running>): State {
  const one = { ...(state.running[t] as Running), ...change }
  return { ...state, running: state.running.with(t, one) }
}

function ended(state: State, t: number, record: 'C' | 'A'): State {
  if (state.running[t]?.record !== 'P') return changed(state, t, { phase: '.' })
  return changed(state, t, { record, phase: '.' })
}

function resolved(state: State, t: number, key: Key): State {
  const one = state.running[t] as Running
  const { value, revision, intent, lockedBy } = state.cells[key]
  const takes = intent === t && one.record === 'C'
  const cell = {
    value: takes ? t : value,
    revision: takes ? revision + 1 : revision,
    intent: intent === t ? -1 : intent,
    lockedBy: lockedBy.filter((other) => other !== t)
  }
  const next = { ...state, cells: { ...state.cells, [key]: cell } }
  return changed(next, t, { resolved: [...one.resolved, key].sort() })
}

function permutations(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length < 2) return [items]
  return items.flatMap((item, i) =>
    permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest])
  )
}
