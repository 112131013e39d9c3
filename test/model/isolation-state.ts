/** What the protocol does; each rule can be left out, to see what it is good for. */
export interface Rules {
  /** A prepare refuses if what was read has another revision now. */
  readonly checkRevisions: boolean
  /** What was read stays locked against writers until the decision. */
  readonly readLocks: boolean
  /** A read that meets an intent asks its record: committed is new, pending and aborted are old. */
  readonly askRecord: boolean
  /** If the record is not known any more it reads again. */
  readonly rereadAbsent: boolean
  /** A transaction that only reads does so twice, and revisions must be the same. */
  readonly secondCollect: boolean
  /** The second time it asks records, too; otherwise it sees what stands there and no intents. */
  readonly collectAsks: boolean
  /** A key that was absent twice holds if no key of its bucket was created since the first time. */
  readonly quietSince: boolean
  /** A transaction's keys are created when it is resolved, not when it is prepared. */
  readonly createdAtResolve: boolean
  /** Revisions are a counter's of the whole group, and never start again with a key. */
  readonly revisionsNeverRepeat: boolean
  /** A plain write waits for intents. */
  readonly writesMeetIntents: boolean
  /** And for read locks. */
  readonly writesMeetLocks: boolean
  /** What needs no record, because it is all in one group, is checked like all others. */
  readonly oneStepChecks: boolean
  /** A key does not expire while a part holds it, as an intent or a read lock. */
  readonly heldKeysStay: boolean
}

export const RULES: Rules = {
  checkRevisions: true,
  readLocks: true,
  askRecord: true,
  rereadAbsent: true,
  secondCollect: true,
  collectAsks: true,
  quietSince: true,
  createdAtResolve: true,
  revisionsNeverRepeat: true,
  writesMeetIntents: true,
  writesMeetLocks: true,
  oneStepChecks: true,
  heldKeysStay: true
}

export type Key = 'x' | 'y' | 'z'
export const KEYS: readonly Key[] = ['x', 'y', 'z']

/**
 * A transaction reads its keys, in any order and side by side, then puts its own name into others,
 * or the same, and deletes others.
 */
export interface Plan {
  readonly reads: readonly Key[]
  readonly puts: readonly Key[]
  readonly deletes: readonly Key[]
  /** Plain: a read or a write of a single key. Expiry: a key is deleted by its time. */
  readonly kind: 'transaction' | 'plain' | 'expiry'
}

export interface World {
  readonly plans: readonly Plan[]
  /** Keys that are absent at first. */
  readonly absent: readonly Key[]
  /** Keys of one group and bucket; each of the others has one of its own. */
  readonly together: readonly Key[]
}

export const ABSENT = -2
const AT_FIRST = -1

export interface Cell {
  /** Who wrote it last, AT_FIRST, or ABSENT. */
  readonly value: number
  /** 0: absent. */
  readonly revision: number
  /** Whose intent stands here; -1: nobody's. */
  readonly intent: number
  /** Who prepared a read of it and is not decided. */
  readonly lockedBy: readonly number[]
}

export interface Seen {
  readonly value: number
  readonly revision: number
  /** How many keys had been created in its bucket. */
  readonly created: number
}

/** What a read knows of a key: nothing yet, an intent whose record it asks, or all. */
export type Look =
  | undefined
  | { readonly by: number; readonly before: Seen; readonly after: Seen }
  | Seen

export interface Running {
  /** reading, preparing, reading again, or done. */
  readonly phase: 'r' | 'p' | 'l' | '.'
  readonly hasBegun: boolean
  /** By place in the plan's reads. */
  readonly first: readonly Look[]
  readonly second: readonly Look[]
  /** Groups in which it is prepared, or resolved. */
  readonly prepared: readonly Key[]
  readonly resolved: readonly Key[]
  readonly record: 'P' | 'C' | 'A'
}

export interface State {
  readonly cells: Readonly<Record<Key, Cell>>
  /** By group. */
  readonly created: Readonly<Record<Key, number>>
  readonly running: readonly Running[]
  /** `a<b`: a had its answer before b began. */
  readonly order: readonly string[]
}

export function initialState({ plans, absent }: World): State {
  const cell = (key: Key): Cell =>
    absent.includes(key)
      ? { value: ABSENT, revision: 0, intent: -1, lockedBy: [] }
      : { value: AT_FIRST, revision: 1, intent: -1, lockedBy: [] }
  const fresh = { hasBegun: false, second: [], prepared: [], resolved: [], record: 'P' } as const
  return {
    cells: { x: cell('x'), y: cell('y'), z: cell('z') },
    created: { x: 0, y: 0, z: 0 },
    running: plans.map(({ reads }) => ({
      ...fresh,
      first: reads.map(() => undefined),
      phase: reads.length > 0 ? 'r' : 'p'
    })),
    order: []
  }
}

/** A group goes by the name of its first key. */
export function groupOf({ together }: World, key: Key): Key {
  return together.includes(key) ? (together[0] as Key) : key
}

export function keysOf({ plans }: World, t: number): readonly Key[] {
  const { reads, puts, deletes } = plans[t] as Plan
  return KEYS.filter((key) => reads.includes(key) || puts.includes(key) || deletes.includes(key))
}

export function changed(state: State, t: number, change: Partial<Running>): State {
  const one = { ...(state.running[t] as Running), ...change }
  return { ...state, running: state.running.with(t, one) }
}

/** Its record is decided, or, where it has none, it is over. */
export function ended(state: State, t: number, record: 'C' | 'A'): State {
  const { first } = state.running[t] as Running
  // What it saw is judged if it committed, and means nothing to anybody else.
  const saw = first.map((look) => ({ value: valueSeen(look), revision: 0, created: 0 }))
  return changed(state, t, { record, phase: '.', first: record === 'C' ? saw : [], second: [] })
}

export function valueSeen(look: Look): number {
  return look !== undefined && 'value' in look ? look.value : ABSENT
}

/** Whatever was answered before now is before it. */
export function begun(state: State, t: number): State {
  if (state.running[t]?.hasBegun === true) return state
  const before = [...state.running.keys()].filter((u) => state.running[u]?.record === 'C')
  const order = new Set([...state.order, ...before.map((u) => `${u}<${t}`)])
  return changed({ ...state, order: [...order].sort() }, t, { hasBegun: true })
}

/** Whether the committed transactions, run one after the other, read and leave what they did. */
export function explains(world: World, state: State, order: readonly number[]): boolean {
  const { cells } = initialState(world)
  const values = { x: cells.x.value, y: cells.y.value, z: cells.z.value }
  for (const t of order) {
    const { reads, puts, deletes } = world.plans[t] as Plan
    const { first } = state.running[t] as Running
    if (reads.some((key, i) => valueSeen(first[i]) !== values[key])) return false
    for (const key of puts) values[key] = t
    for (const key of deletes) values[key] = ABSENT
  }
  return KEYS.every((key) => state.cells[key].value === values[key])
}

export function permutations(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length < 2) return [items]
  return items.flatMap((item, i) =>
    permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest])
  )
}
