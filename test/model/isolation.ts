import type { Model } from './explore.ts'
import {
  ABSENT,
  begun,
  type Cell,
  changed,
  ended,
  explains,
  groupOf,
  initialState,
  type Key,
  keysOf,
  type Look,
  type Plan,
  permutations,
  type Rules,
  type Running,
  type Seen,
  type State,
  type World
} from './isolation-state.ts'

/*
 * Transactions and plain reads and writes that run side by side, over keys that stand in groups of
 * their own or share one. A group and a record are objects whose steps are atomic; that decisions
 * arrive everywhere, once and right, is what `commit.ts` is about. Anybody may abort a transaction
 * that is not decided.
 */

export class IsolationModel implements Model<State> {
  readonly initial: State
  readonly #world: World
  readonly #rules: Rules

  constructor(rules: Rules, world: World) {
    this.#rules = rules
    this.#world = world
    this.initial = initialState(world)
  }

  key(state: State): string {
    return JSON.stringify(state)
  }

  steps(state: State, to: (label: string, next: State) => void): void {
    for (const [t, { phase, record, prepared, resolved }] of state.running.entries()) {
      if (phase === 'r' || phase === 'l') this.#read(state, t, to)
      else if (phase === 'p') this.#prepare(state, t, to)
      if (record === 'P') continue
      for (const group of prepared) {
        if (!resolved.includes(group)) {
          to(`resolve ${t} ${group}`, this.#resolved(state, t, group))
        }
      }
    }
  }

  broken(state: State): readonly string[] {
    if (!isOver(state)) return []
    const committed = [...state.running.keys()].filter((t) => state.running[t]?.record === 'C')
    const orders = permutations(committed).filter((order) => explains(this.#world, state, order))
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
    if (!isOver(state)) return []
    const committed = state.running.filter(({ record }) => record === 'C').length
    return [`${committed} committed`]
  }

  /** One step of a read: of a key, or, where an intent stands, of its record. */
  #read(state: State, t: number, to: (label: string, next: State) => void): void {
    const { phase, first, second } = state.running[t] as Running
    const { reads } = this.#world.plans[t] as Plan
    const kind = phase === 'r' ? 'read' : 'look'
    for (const [i, look] of (phase === 'r' ? first : second).entries()) {
      const label = `${kind} ${t} ${reads[i]}`
      if (look === undefined) {
        to(label, this.#known(begun(state, t), t, i, this.#met(state, t, reads[i] as Key)))
      } else if ('by' in look) {
        const { record, prepared, resolved } = state.running[look.by] as Running
        const answer = record === 'C' ? look.after : look.before
        to(`ask ${t} ${reads[i]}`, this.#known(state, t, i, answer))
        // Once it is resolved everywhere the record may be forgotten, and its memo dropped.
        if (record === 'P' || resolved.length < prepared.length) continue
        const unknown = this.#rules.rereadAbsent ? undefined : look.before
        to(`absent ${t} ${reads[i]}`, this.#known(state, t, i, unknown))
      }
    }
  }

  /** What stands under the key: what is known of it by that. */
  #met(state: State, t: number, key: Key): Look {
    const cell = state.cells[key]
    const { value, revision, intent } = cell
    const created = state.created[groupOf(this.#world, key)]
    const before = { value, revision, created }
    const asks = state.running[t]?.phase === 'r' || this.#rules.collectAsks
    if (intent < 0 || !this.#rules.askRecord || !asks) return before
    return { by: intent, before, after: { ...this.#successor(cell, intent, key), created } }
  }

  /** The read of the key has got so far. */
  #known(state: State, t: number, i: number, look: Look): State {
    const { phase, first, second } = state.running[t] as Running
    const { puts, deletes, kind } = this.#world.plans[t] as Plan
    const looks = (phase === 'r' ? first : second).with(i, look)
    const isWhole = looks.every((one) => one !== undefined && !('by' in one))
    if (phase === 'l') {
      const isSame = look === undefined || 'by' in look || this.#holds(first[i] as Seen, look)
      if (!isSame) return ended(state, t, 'A')
      return isWhole ? ended(state, t, 'C') : changed(state, t, { second: looks })
    }
    const read = changed(state, t, { first: looks })
    if (!isWhole) return read
    if (puts.length + deletes.length > 0) return changed(read, t, { phase: 'p' })
    if (kind === 'plain' || !this.#rules.secondCollect) return ended(read, t, 'C')
    return changed(read, t, { phase: 'l', second: looks.map(() => undefined) })
  }

  /** Whether a key had not changed from the first read to the second. */
  #holds(first: Seen, second: Seen): boolean {
    if (first.revision !== second.revision) return false
    return second.revision > 0 || !this.#rules.quietSince || second.created === first.created
  }

  #prepare(state: State, t: number, to: (label: string, next: State) => void): void {
    const { kind } = this.#world.plans[t] as Plan
    const { prepared } = state.running[t] as Running
    const groups = new Set(keysOf(this.#world, t).map((key) => groupOf(this.#world, key)))
    const [only] = groups
    if (groups.size === 1 && only !== undefined) {
      const waits = kind !== 'transaction' && this.#refuses(state, t, only)
      if (!waits) to(`run ${t}`, this.#run(begun(state, t), t, only))
      return
    }
    for (const group of groups) {
      if (prepared.includes(group)) continue
      const from = begun(state, t)
      const next = this.#refuses(from, t, group)
        ? ended(from, t, 'A')
        : this.#prepared(from, t, group)
      to(`prepare ${t} ${group}`, next)
    }
    if (prepared.length === groups.size) to(`commit ${t}`, ended(state, t, 'C'))
    to(`abort ${t}`, ended(state, t, 'A'))
  }

  /** All in one group: checked and done at once. */
  #run(state: State, t: number, group: Key): State {
    const { kind } = this.#world.plans[t] as Plan
    if (kind === 'transaction' && this.#refuses(state, t, group)) return ended(state, t, 'A')
    let next = state
    for (const key of this.#written(t, group)) next = this.#write(next, t, key)
    return ended(next, t, 'C')
  }

  #refuses(state: State, t: number, group: Key): boolean {
    const { reads } = this.#world.plans[t] as Plan
    const { first } = state.running[t] as Running
    const meets = this.#meets(t)
    const written = this.#written(t, group)
    return this.#keysIn(t, group).some((key) => {
      const { revision, intent, lockedBy } = state.cells[key]
      const seen = first[reads.indexOf(key)]
      const moved = seen !== undefined && 'revision' in seen && seen.revision !== revision
      if (moved && this.#rules.checkRevisions) return true
      if (intent >= 0 && meets.intents) return true
      return meets.locks && written.includes(key) && lockedBy.some((other) => other !== t)
    })
  }

  /** What is in its way, by the rules. */
  #meets(t: number): { readonly intents: boolean; readonly locks: boolean } {
    const { kind } = this.#world.plans[t] as Plan
    const rules = this.#rules
    if (kind === 'expiry') return { intents: rules.heldKeysStay, locks: rules.heldKeysStay }
    if (kind === 'plain') return { intents: rules.writesMeetIntents, locks: rules.writesMeetLocks }
    const checks = rules.oneStepChecks || !this.#isOneStep(t)
    return { intents: checks, locks: checks }
  }

  #prepared(state: State, t: number, group: Key): State {
    const { reads } = this.#world.plans[t] as Plan
    const { prepared } = state.running[t] as Running
    const cells = { ...state.cells }
    for (const key of this.#keysIn(t, group)) {
      const { lockedBy } = cells[key]
      const locks = reads.includes(key) && this.#rules.readLocks
      cells[key] = {
        ...cells[key],
        intent: this.#written(t, group).includes(key) ? t : cells[key].intent,
        lockedBy: locks ? [...lockedBy, t].sort() : lockedBy
      }
    }
    let next: State = { ...state, cells }
    if (!this.#rules.createdAtResolve) {
      for (const key of this.#written(t, group)) next = this.#counted(next, t, key)
    }
    return changed(next, t, { prepared: [...prepared, group].sort() })
  }

  #resolved(state: State, t: number, group: Key): State {
    const one = state.running[t] as Running
    let next = state
    for (const key of this.#keysIn(t, group)) {
      const { intent, lockedBy } = next.cells[key]
      if (intent === t && one.record === 'C') next = this.#write(next, t, key)
      const cell = {
        ...next.cells[key],
        intent: intent === t ? -1 : intent,
        lockedBy: lockedBy.filter((other) => other !== t)
      }
      next = { ...next, cells: { ...next.cells, [key]: cell } }
    }
    return changed(next, t, { resolved: [...one.resolved, group].sort() })
  }

  #write(state: State, t: number, key: Key): State {
    const isIntent = state.cells[key].intent === t
    const counted = isIntent && !this.#rules.createdAtResolve ? state : this.#counted(state, t, key)
    const cell = { ...state.cells[key], ...this.#successor(state.cells[key], t, key) }
    return { ...counted, cells: { ...counted.cells, [key]: cell } }
  }

  /** If that creates the key. */
  #counted(state: State, t: number, key: Key): State {
    const { puts } = this.#world.plans[t] as Plan
    if (state.cells[key].value !== ABSENT || !puts.includes(key)) return state
    const group = groupOf(this.#world, key)
    return { ...state, created: { ...state.created, [group]: state.created[group] + 1 } }
  }

  #successor({ revision }: Cell, t: number, key: Key): { value: number; revision: number } {
    const { deletes } = this.#world.plans[t] as Plan
    if (deletes.includes(key)) return { value: ABSENT, revision: 0 }
    return { value: t, revision: this.#rules.revisionsNeverRepeat ? t + 2 : revision + 1 }
  }

  #isOneStep(t: number): boolean {
    return new Set(keysOf(this.#world, t).map((key) => groupOf(this.#world, key))).size === 1
  }

  #keysIn(t: number, group: Key): readonly Key[] {
    return keysOf(this.#world, t).filter((key) => groupOf(this.#world, key) === group)
  }

  #written(t: number, group: Key): readonly Key[] {
    const { puts, deletes } = this.#world.plans[t] as Plan
    return this.#keysIn(t, group).filter((key) => puts.includes(key) || deletes.includes(key))
  }
}

function isOver({ running }: State): boolean {
  return running.every(
    ({ phase, prepared, resolved }) => phase === '.' && resolved.length === prepared.length
  )
}
