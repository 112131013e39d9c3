import { type Answer, type Call, EMPTY, type Register, step, stepUnseen } from './register.ts'
import { canShow, type Unexplained } from './witness.ts'

/**
 * - `ok`: the client was answered.
 * - `failed`: it was told that the operation surely took no effect and never will.
 * - `unknown`: it may take effect at any time after its call, or never.
 */
export type Outcome =
  | { readonly type: 'ok'; readonly answer: Answer }
  | { readonly type: 'failed' }
  | { readonly type: 'unknown' }

/**
 * One operation as its client saw it. Times are of any one clock that never goes back; an operation
 * that was called at the very time another returned counts as concurrent with it.
 */
export interface Operation {
  readonly client: string
  readonly key: string
  readonly called: number
  /** Undefined only if the outcome is unknown. */
  readonly returned: number | undefined
  readonly call: Call
  readonly outcome: Outcome
}

export type Verdict =
  | { readonly type: 'linearizable'; readonly steps: number }
  /** No order of the operations explains this answer. */
  | { readonly type: 'violation'; readonly operation: Operation; readonly message: string }
  /** Too hard to decide: counts as a failed check, because nothing was shown. */
  | { readonly type: 'undecided'; readonly message: string }

export interface CheckOptions {
  /** Configurations looked at before giving up, per key. */
  readonly stepsMax?: number
}

const STEPS_MAX = 1_000_000

/**
 * Whether there is one order of all operations that fits real time and every answer. Keys are
 * independent, so each is checked alone (linearizability is local: Herlihy and Wing 1990).
 *
 * Wing and Gong's search with Lowe's two improvements (Testing for linearizability, 2017):
 * operations take effect only when a return forces them to, and configurations met before are not
 * met again.
 */
export function checkLinearizable(
  history: readonly Operation[],
  { stepsMax = STEPS_MAX }: CheckOptions = {}
): Verdict {
  let steps = 0
  for (const operations of byKey(history).values()) {
    const verdict = new Search(operations, stepsMax).run()
    if (verdict.type !== 'linearizable') return verdict
    steps += verdict.steps
  }
  return { type: 'linearizable', steps }
}

export function byKey(history: readonly Operation[]): Map<string, Operation[]> {
  const keys = new Map<string, Operation[]>()
  for (const operation of history) {
    const operations = keys.get(operation.key)
    if (operations === undefined) keys.set(operation.key, [operation])
    else operations.push(operation)
  }
  return keys
}

export function describeOperation({ client, called, returned, call, outcome }: Operation): string {
  const told = outcome.type === 'ok' ? JSON.stringify(outcome.answer) : outcome.type
  return `${client} [${called}, ${returned ?? '…'}] ${JSON.stringify(call)} -> ${told}`
}

interface Pending {
  readonly id: number
  readonly operation: Operation
  /** What it does, as far as any answer can tell: see `nameless`. */
  readonly call: Call
  readonly answer: Answer | undefined
  /** When it takes effect, no change may have had a later revision. */
  readonly lowMax: number
  /** Unseen operations of one kind can stand in for each other. */
  readonly kind: string
}

/** One way the operations so far may have taken effect. */
interface Configuration {
  readonly register: Register
  /** Answered operations that took effect and have not returned yet; ids, sorted. */
  readonly early: readonly number[]
  /** Unseen operations that took effect; ids, sorted. */
  readonly unseen: readonly number[]
  /** The latest effect is of an unseen operation, and no answer has shown it. */
  readonly hidden: boolean
}

interface Edge {
  readonly at: number
  readonly isReturn: boolean
  readonly pending: Pending
  /** The least `lowMax` of what is called after it. */
  lowMaxLater: number
}

class Search {
  readonly #edges: readonly Edge[]
  readonly #stepsMax: number
  /** In the order of their calls. */
  readonly #pending = new Set<Pending>()
  #lowMaxLater = Number.POSITIVE_INFINITY
  #steps = 0
  #alive: Configuration[] = [{ register: EMPTY, early: [], unseen: [], hidden: false }]

  constructor(operations: readonly Operation[], stepsMax: number) {
    this.#edges = edgesOf(operations)
    this.#stepsMax = stepsMax
  }

  run(): Verdict {
    for (const { pending, isReturn, lowMaxLater } of this.#edges) {
      this.#lowMaxLater = lowMaxLater
      if (!isReturn) {
        this.#pending.add(pending)
        this.#alive = this.#alive.map((configuration) => this.#settle(configuration))
        continue
      }
      const before = this.#alive
      const after = this.#throughReturn(pending)
      if (after === undefined) return this.#undecided(pending)
      if (after.length === 0) return this.#violation(pending, before)
      this.#alive = after
      this.#pending.delete(pending)
    }
    return { type: 'linearizable', steps: this.#steps }
  }

  /** All configurations in which `due` has taken effect; undefined when the budget ran out. */
  #throughReturn(due: Pending): Configuration[] | undefined {
    const front = new Front()
    const done = new Front()
    const open = this.#alive.filter((configuration) => front.add(configuration))
    for (let at = open.shift(); at !== undefined; at = open.shift()) {
      if (at.early.includes(due.id)) {
        done.add({ ...at, early: at.early.filter((id) => id !== due.id) })
        continue
      }
      if (!front.has(at)) continue
      for (const pending of this.#pending) {
        const next = this.#effect(at, pending)
        if (next !== undefined && front.add(next)) open.push(next)
      }
      if (this.#steps > this.#stepsMax) return undefined
    }
    return done.all()
  }

  #effect(at: Configuration, pending: Pending): Configuration | undefined {
    if (at.early.includes(pending.id) || at.unseen.includes(pending.id)) return undefined
    // A blind write over an unseen change nobody saw: leaving that change out explains no less.
    const { call } = pending
    if (at.hidden && call.type === 'put' && call.ifRevision === undefined) return undefined
    this.#steps++
    if (pending.answer !== undefined) {
      const register = step(at.register, call, pending.answer)
      if (register === undefined) return undefined
      const early = insert(at.early, pending.id)
      if (this.#isTooLate(register, early)) return undefined
      return this.#settle({ ...at, register, early, hidden: false })
    }
    if (this.#hasEarlierTwin(at, pending)) return undefined
    const register = stepUnseen(at.register, call)
    if (register === undefined || this.#isTooLate(register, at.early)) return undefined
    const unseen = insert(at.unseen, pending.id)
    if (!this.#isShown(call, register, at.early, unseen)) return undefined
    return this.#settle({ ...at, register, unseen, hidden: true })
  }

  /** Whether an answer still to be explained names a revision that is past: it never will be. */
  #isTooLate({ low }: Register, early: readonly number[]): boolean {
    if (low > this.#lowMaxLater) return true
    for (const { id, lowMax } of this.#pending) if (low > lowMax && !early.includes(id)) return true
    return false
  }

  /**
   * An answer that fits what the register is now, changing and teaching nothing, may as well be
   * given now: whatever order has it later also works with it here.
   */
  #settle(configuration: Configuration): Configuration {
    let { early, hidden } = configuration
    for (const { id, answer, call } of this.#pending) {
      if (answer === undefined || early.includes(id)) continue
      if (step(configuration.register, call, answer) !== configuration.register) continue
      early = insert(early, id)
      hidden = false
    }
    return early === configuration.early ? configuration : { ...configuration, early, hidden }
  }

  /** Whether an unseen change to `register` matters to any answer still to be explained. */
  #isShown(
    change: Call,
    register: Register,
    early: readonly number[],
    unseen: readonly number[]
  ): boolean {
    const answers: Unexplained[] = []
    const calls: Call[] = []
    for (const { id, answer, call } of this.#pending) {
      if (answer === undefined) {
        if (!unseen.includes(id)) calls.push(call)
      } else if (!early.includes(id)) answers.push({ call, answer })
    }
    return canShow(change, register, answers, calls)
  }

  #hasEarlierTwin(at: Configuration, pending: Pending): boolean {
    for (const other of this.#pending) {
      if (other === pending) return false
      const twin = other.answer === undefined && other.kind === pending.kind
      if (twin && !at.unseen.includes(other.id)) return true
    }
    return false
  }

  #violation(due: Pending, before: readonly Configuration[]): Verdict {
    const states = [...new Set(before.map(({ register }) => JSON.stringify(register)))]
    const others = [...this.#pending].filter((pending) => pending !== due)
    const message = [
      `no order explains: ${describeOperation(due.operation)}`,
      ...states.slice(0, 8).map((state) => `  the key may have been ${state}`),
      ...others.slice(-16).map(({ operation }) => `  meanwhile ${describeOperation(operation)}`)
    ].join('\n')
    return { type: 'violation', operation: due.operation, message }
  }

  #undecided(due: Pending): Verdict {
    const message = `gave up after ${this.#steps} steps at ${describeOperation(due.operation)}`
    return { type: 'undecided', message }
  }
}

/** Calls and returns in time; at one time calls come first. What cannot take effect is left out. */
function edgesOf(operations: readonly Operation[]): Edge[] {
  const edges: Edge[] = []
  const shown = shownValues(operations)
  for (const [id, operation] of operations.entries()) {
    const { outcome, called, returned } = operation
    const isUnseen = outcome.type === 'unknown'
    if (outcome.type === 'failed' || (isUnseen && operation.call.type === 'get')) continue
    const answer = outcome.type === 'ok' ? outcome.answer : undefined
    const call = isUnseen ? nameless(operation.call, shown) : operation.call
    const lowMax = answer === undefined ? Number.POSITIVE_INFINITY : lowMaxOf(answer)
    const pending = { id, operation, call, answer, lowMax, kind: JSON.stringify(call) }
    edges.push({ at: called, isReturn: false, pending, lowMaxLater: 0 })
    if (answer === undefined) continue
    if (returned === undefined || returned < called) {
      throw new Error(`an answer without a time: ${describeOperation(operation)}`)
    }
    edges.push({ at: returned, isReturn: true, pending, lowMaxLater: 0 })
  }
  edges.sort((a, b) => a.at - b.at || Number(a.isReturn) - Number(b.isReturn))
  let lowMaxLater = Number.POSITIVE_INFINITY
  for (const edge of edges.toReversed()) {
    edge.lowMaxLater = lowMaxLater
    if (!edge.isReturn) lowMaxLater = Math.min(lowMaxLater, edge.pending.lowMax)
  }
  return edges
}

/** The highest `low` of a register that `answer` can be given by. */
function lowMaxOf(answer: Answer): number {
  switch (answer.type) {
    case 'written':
    case 'deleted':
    case 'counted':
      return answer.revision - 1
    case 'value':
      return answer.revision
    case 'conflict':
      return answer.revision === 0 ? Number.POSITIVE_INFINITY : answer.revision
    default:
      return Number.POSITIVE_INFINITY
  }
}

const NAMELESS = 'a value that nobody was shown'
const NUMBER = /^(0|-?[1-9]\d*)$/

function shownValues(operations: readonly Operation[]): ReadonlySet<string> {
  const shown = new Set<string>()
  for (const { outcome } of operations) {
    if (outcome.type === 'ok' && outcome.answer.type === 'value') shown.add(outcome.answer.value)
  }
  return shown
}

/**
 * Unseen puts of values that no answer shows and that are no numbers are all of one kind: no answer
 * can tell which of them took effect, so that only their number matters. Without it dozens of them
 * (callers who do not wait) can be chosen from in more ways than can be tried.
 */
function nameless(call: Call, shown: ReadonlySet<string>): Call {
  if (call.type !== 'put' || shown.has(call.value) || NUMBER.test(call.value)) return call
  return { ...call, value: NAMELESS }
}

/**
 * Configurations none of which can do all that another can. One can do all that another can if they
 * differ only in that fewer unseen operations took effect, revisions may be lower, or nothing is
 * hidden.
 */
class Front {
  readonly #groups = new Map<string, Configuration[]>()

  /** False, and nothing is added, when one of these can do all that `configuration` can. */
  add(configuration: Configuration): boolean {
    const key = groupOf(configuration)
    const group = this.#groups.get(key) ?? []
    if (group.some((other) => dominates(other, configuration))) return false
    const rest = group.filter((other) => !dominates(configuration, other))
    this.#groups.set(key, [...rest, configuration])
    return true
  }

  has(configuration: Configuration): boolean {
    return this.#groups.get(groupOf(configuration))?.includes(configuration) === true
  }

  all(): Configuration[] {
    return [...this.#groups.values()].flat()
  }
}

function groupOf({ register: { value, revision }, early }: Configuration): string {
  return `${revision}|${early}|${value === undefined ? '-' : `=${value}`}`
}

function dominates(one: Configuration, other: Configuration): boolean {
  if (one.hidden && !other.hidden) return false
  return one.register.low <= other.register.low && isSubset(one.unseen, other.unseen)
}

function insert(sorted: readonly number[], id: number): readonly number[] {
  return [...sorted, id].sort((a, b) => a - b)
}

function isSubset(small: readonly number[], large: readonly number[]): boolean {
  return small.every((id) => large.includes(id))
}
