import { utf8Text } from '../../../src/wire/bytes.ts'
import type { Command } from '../../../src/wire/command.ts'
import type { DataOperation } from '../../../src/wire/data-operation.ts'
import type { NodeId } from '../../../src/wire/ids.ts'
import type { KeyResult, Result, Vote } from '../../../src/wire/result.ts'
import type { Check, Part } from '../../../src/wire/transaction.ts'

const WINDOW = 1_000_000

type Numbers = Pick<Command, 'session' | 'seq' | 'ackedUpTo' | 'basis'>
type Refusal = 'session_expired' | 'stale_request'

interface SessionState {
  ackedUpTo: number
  readonly results: Map<number, Result>
}

/**
 * One group as if Raft were perfect: commands apply one after another, each session's once; and
 * transactions as if two phases were one moment.
 */
export class ModelGroup {
  applied = 1
  counter = 0
  leader: NodeId
  readonly sessions = new Map<string, SessionState>()
  readonly records = new Map<string, { value: Uint8Array; revision: number }>()
  /** How often the put of each value was applied. */
  readonly applications = new Map<string, number>()
  readonly #groups: readonly ModelGroup[]

  /** `groups`: all of them, this one at its number. */
  constructor(leader: NodeId, groups: readonly ModelGroup[]) {
    this.leader = leader
    this.#groups = groups
  }

  /** What the session table says before a command may run. */
  refusal(command: Numbers): Refusal | undefined {
    const session = this.sessions.get(command.session)
    if (session === undefined) {
      return this.applied - command.basis <= WINDOW ? undefined : 'session_expired'
    }
    return command.seq <= session.ackedUpTo ? 'stale_request' : undefined
  }

  apply(command: Command): Result | Refusal {
    const { operation } = command
    if (operation.type !== 'transact') return this.#once(command, () => this.#run(operation))
    return this.#once(command, () => this.#transact(command, operation.parts))
  }

  /** All sessions unused for long are gone, and old bases with them. */
  age(): void {
    this.applied += 2 * WINDOW
    this.sessions.clear()
  }

  #once(numbers: Numbers, run: () => Result): Result | Refusal {
    this.applied++
    const refusal = this.refusal(numbers)
    if (refusal !== undefined) return refusal
    const session = this.sessions.get(numbers.session) ?? { ackedUpTo: 0, results: new Map() }
    this.sessions.set(numbers.session, session)
    session.ackedUpTo = Math.max(session.ackedUpTo, numbers.ackedUpTo)
    for (const seq of session.results.keys()) {
      if (seq <= session.ackedUpTo) session.results.delete(seq)
    }
    const known = session.results.get(numbers.seq)
    if (known !== undefined) return known
    const result = run()
    session.results.set(numbers.seq, result)
    return result
  }

  #transact(numbers: Numbers, parts: readonly Part[]): Result {
    const at = ({ group }: Part): ModelGroup => this.#groups[group] as ModelGroup
    for (const part of parts) {
      const isRefused = at(part) !== this && at(part).refusal({ ...numbers, ...part }) !== undefined
      if (isRefused) return { type: 'aborted', why: 'ended' }
      if (!part.checks.every((check) => at(part).#holds(check))) {
        return { type: 'aborted', why: 'moved' }
      }
    }
    return { type: 'transacted', votes: parts.map((part) => at(part).#take(numbers, part, this)) }
  }

  #take(numbers: Numbers, part: Part, anchor: ModelGroup): Vote {
    const { group, writes } = part
    const results = (): readonly KeyResult[] => writes.map((write) => this.#run(write))
    if (this === anchor) return { group, applied: this.applied, results: results() }
    let vote: Vote | undefined
    this.#once({ ...numbers, basis: part.basis }, () => {
      vote = { group, applied: this.applied, results: results() }
      return { type: 'prepared', vote }
    })
    if (vote === undefined) throw new Error('a part was prepared twice')
    return vote
  }

  #holds(check: Check): boolean {
    const revision = this.records.get(utf8Text(check.key) ?? '')?.revision ?? 0
    if (check.type === 'revision') return revision === check.revision
    if (check.type === 'exists') return revision > 0 === check.exists
    throw new Error('the model compares no values')
  }

  #run(operation: DataOperation | Command['operation']): KeyResult {
    if (operation.type !== 'put') return { type: 'refused', reason: 'the model only puts' }
    const text = utf8Text(operation.value) ?? ''
    this.applications.set(text, (this.applications.get(text) ?? 0) + 1)
    const revision = ++this.counter
    const key = utf8Text(operation.key) ?? ''
    this.records.set(key, { value: operation.value.slice(), revision })
    return { type: 'written', revision }
  }
}
