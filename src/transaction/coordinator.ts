import { nameOf } from '../state/layout.ts'
import type { TransactionRecord } from '../state/records.ts'
import { type Command, encodeCommand } from '../wire/command.ts'
import type { GroupId } from '../wire/ids.ts'
import { FORGOTTEN_AT_ONCE_MAX } from '../wire/limits.ts'
import type { AbortReason, Result, Vote } from '../wire/result.ts'
import type { Part, TransactionId, TransactionOperation } from '../wire/transaction.ts'
import type { Clock } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import { decisionCommand, decisionOf } from './commands.ts'
import type { Anchor, Courier, Hear, Told } from './ports.ts'
import { TransactionCounts } from './transaction-counts.ts'

/** A participant that does not answer within this time makes the transaction abort. */
const PREPARE_MS = 4_000
const RESOLVE_MS = 4_000
/** What earlier leaders left is taken over as far as there is room. */
const RUNNING_MAX = 4_096
const ELSEWHERE: Told = {
  type: 'refused',
  code: 'invalid_argument',
  message: 'the first part of a transaction is that of the group which is asked',
  waitMs: 0
}

export interface Transact extends Command {
  readonly operation: Extract<TransactionOperation, { readonly type: 'transact' }>
}

interface Running {
  readonly name: string
  readonly id: TransactionId
  readonly anchor: Anchor
  readonly term: number
  /** Of the client's command; 0: its record was found. */
  readonly basis: number
  readonly others: readonly Part[]
  readonly votes: (Vote | undefined)[]
  readonly askers: Hear[]
  /** When its phase began. */
  since: number
  /** Of the others, how many were sent their part. */
  sent: number
  created: boolean
  /** The decision was handed to the anchor, or came from there. */
  phase: 'preparing' | 'deciding' | 'resolving'
  unresolved: number
}

/**
 * Coordinates the transactions whose anchors this node leads (docs/transactions.md): first phase,
 * decision, second phase, and the records that earlier leaders left. Decides by the anchor's log
 * alone; what it knows itself is only what is under way, and may be lost at any moment.
 */
export class Coordinator {
  readonly counts = new TransactionCounts()
  readonly #courier: Courier
  readonly #clock: Clock
  readonly #running = new Map<string, Running>()
  /** Decided, and resolved everywhere. */
  readonly #forgettable = new Map<GroupId, Map<string, TransactionId>>()
  readonly #forgetMs: number
  #forgetAt = 0

  /** `forgetMs`: decided records are dropped together, so often. */
  constructor(courier: Courier, clock: Clock, forgetMs: number) {
    this.#courier = courier
    this.#clock = clock
    this.#forgetMs = forgetMs
  }

  /** Transactions under way here. */
  get running(): number {
    return this.#running.size
  }

  /** Whether this name is under way here. */
  isRunning(id: TransactionId): boolean {
    return this.#running.has(nameOf(id))
  }

  /** Requires: `anchor` leads, and knows no result of it. Several parts, the anchor's first. */
  begin(anchor: Anchor, command: Transact, hear: Hear): void {
    const name = nameOf(command)
    const known = this.#running.get(name)
    if (known !== undefined) {
      sometimes('transaction: is asked for again while it runs')
      // Decided, and the state has no answer: those who could be told have been.
      if (known.phase === 'resolving') hear({ type: 'unknown' })
      else known.askers.push(hear)
      return
    }
    const { session, seq, operation } = command
    const [own, ...others] = operation.parts
    if (own?.group !== anchor.group) {
      hear(ELSEWHERE)
      return
    }
    const running: Running = {
      name,
      id: { session, seq },
      anchor,
      term: anchor.term,
      basis: command.basis,
      others,
      votes: others.map(() => undefined),
      askers: [hear],
      since: this.#clock.monotonic(),
      sent: 0,
      created: false,
      phase: 'preparing',
      unresolved: others.length
    }
    this.#running.set(name, running)
    this.counts.started++
    const groups = others.map(({ group }) => group)
    const work = { checks: own.checks, writes: own.writes }
    const once = operation.keyed === undefined ? {} : { keyed: operation.keyed }
    const create = { type: 'create', others: groups, work, ...once } as const
    const bytes = encodeCommand({ ...command, operation: create })
    anchor.propose(bytes, (told) => this.#created(running, command, told))
    // It may have been answered already: nobody else is to hear of it then.
    if (operation.inOrder || !this.#isCurrent(running, 'preparing')) return
    while (running.sent < others.length) this.#prepareNext(running, command)
  }

  /** `group` is not led here any more, or in another term: whoever leads it goes on. */
  leadershipChanged(group: GroupId): void {
    this.#forgettable.delete(group)
    for (const running of this.#running.values()) {
      if (running.anchor.group !== group) continue
      sometimes('transaction: its coordinator falls')
      this.#running.delete(running.name)
      tell(running, { type: 'unknown' })
    }
  }

  /** Takes over what earlier leaders left, forgets what is done. Call it a few times a second. */
  tick(anchors: Iterable<Anchor>): void {
    const now = this.#clock.monotonic()
    const forgets = now >= this.#forgetAt
    if (forgets) this.#forgetAt = now + this.#forgetMs
    for (const anchor of anchors) {
      for (const record of anchor.records()) this.#adopt(anchor, record, now)
      if (forgets) this.#forget(anchor)
    }
  }

  #prepareNext(running: Running, command: Transact): void {
    const place = running.sent++
    const { group, basis, checks, writes } = running.others[place] as Part
    const anchor = running.anchor.group
    const work = { checks, writes }
    const operation = { type: 'prepare', anchor, anchorBasis: command.basis, work } as const
    const bytes = encodeCommand({ ...command, basis, operation })
    this.#courier.send(group, bytes, PREPARE_MS, (told) => {
      if (!this.#isCurrent(running, 'preparing')) return
      const vote = told.type === 'result' && told.result.type === 'prepared' && told.result.vote
      if (vote) {
        running.votes[place] = vote
        this.#advance(running, command)
      } else this.#abort(running, refusalOf(told))
    })
  }

  #created(running: Running, command: Transact, told: Told): void {
    if (!this.#isCurrent(running, 'preparing')) return
    if (told.type === 'result' && told.result.type === 'prepared') {
      running.created = true
      this.#advance(running, command)
    } else if (told.type === 'result' && decisionOf(told.result) !== undefined) {
      this.#decided(running, told)
    } else if (told.type === 'result') {
      // A record of an earlier term: nobody but its coordinator could commit it.
      this.#abort(running, 'ended')
    } else if (told.type === 'refused' && running.sent === 0) this.#drop(running, told)
    // It stands in no log, or nobody knows: only the anchor's next leader can tell.
    else this.#abort(running, told.type === 'refused' ? refusalOf(told) : 'ended')
  }

  #advance(running: Running, command: Transact): void {
    if (!running.created) return
    if (running.sent < running.others.length) {
      if (running.votes.every((vote, i) => i >= running.sent || vote !== undefined)) {
        this.#prepareNext(running, command)
      }
      return
    }
    const votes = running.votes.filter((vote) => vote !== undefined)
    if (votes.length < running.others.length) return
    running.phase = 'deciding'
    this.counts.preparedMs.observe(this.#phaseMs(running))
    const commit = decisionCommand(running.id, { type: 'commit', term: running.term, votes })
    running.anchor.propose(commit, (told) => this.#decided(running, told))
  }

  #abort(running: Running, why: AbortReason): void {
    running.phase = 'deciding'
    const abort = decisionCommand(running.id, { type: 'abort', why, basis: running.basis })
    running.anchor.propose(abort, (told) => {
      // Those who asked are told why, which the command itself does not answer.
      const isAborted = told.type === 'result' && decisionOf(told.result) === 'aborted'
      const reason: Result = { type: 'aborted', why }
      this.#decided(
        running,
        isAborted && told.result.type === 'ended' ? { ...told, result: reason } : told
      )
    })
  }

  /** The anchor's log has said what becomes of it, or will not say it here. */
  #decided(running: Running, told: Told): void {
    if (!this.#isCurrent(running, 'preparing', 'deciding')) return
    const decision = told.type === 'result' ? decisionOf(told.result) : undefined
    if (decision === undefined) {
      this.#drop(running, told.type === 'result' ? { type: 'unknown' } : told)
      return
    }
    running.phase = 'resolving'
    const decideMs = this.#phaseMs(running)
    if (decision === 'committed') this.counts.decidedMs.observe(decideMs)
    this.counts.decided(decision, told)
    tell(running, answerOf(told))
    for (const { group } of running.others) this.#resolve(running, group, decision)
  }

  /** What it left behind, if anything, is found by its record or by those who meet its intents. */
  #drop(running: Running, told: Told): void {
    this.#running.delete(running.name)
    // A refused decision says nothing about the transaction.
    const isDefinite = told.type === 'refused' && running.sent === 0 && !running.created
    tell(running, isDefinite ? told : { type: 'unknown' })
  }

  #resolve(running: Running, group: GroupId, decision: 'committed' | 'aborted'): void {
    const committed = decision === 'committed'
    const bytes = decisionCommand(running.id, { type: 'resolve', committed })
    this.#courier.send(group, bytes, RESOLVE_MS, (told) => {
      if (!this.#isCurrent(running, 'resolving')) return
      if (told.type !== 'result') {
        // Its record brings it back at the next tick.
        this.#running.delete(running.name)
        return
      }
      running.unresolved--
      if (running.unresolved > 0) return
      this.counts.resolvedMs.observe(this.#phaseMs(running))
      this.#running.delete(running.name)
      const ids = this.#forgettable.get(running.anchor.group) ?? new Map()
      ids.set(running.name, running.id)
      this.#forgettable.set(running.anchor.group, ids)
    })
  }

  /** A record that nobody here works on: its coordinator is gone, or lost its way. */
  #adopt(anchor: Anchor, record: TransactionRecord, now: number): void {
    const { id, name, state } = record
    if (this.#running.has(name) || this.#forgettable.get(anchor.group)?.has(name)) return
    if (this.#running.size >= RUNNING_MAX) return
    sometimes('transaction: a record is taken over')
    this.counts.recovered++
    const others = record.others.map((group) => ({ group, basis: 0, checks: [], writes: [] }))
    const running: Running = {
      name,
      id,
      anchor,
      term: record.term,
      basis: 0,
      others,
      votes: [],
      askers: [],
      since: now,
      sent: others.length,
      created: true,
      phase: 'preparing',
      unresolved: others.length
    }
    this.#running.set(name, running)
    if (state === 'pending') this.#abort(running, 'ended')
    else {
      running.phase = 'resolving'
      for (const { group } of others) this.#resolve(running, group, state)
    }
  }

  #forget(anchor: Anchor): void {
    const ids = this.#forgettable.get(anchor.group)
    const transactions = [...(ids?.values() ?? [])].slice(0, FORGOTTEN_AT_ONCE_MAX)
    const [first] = transactions
    if (ids === undefined || first === undefined) return
    const command = decisionCommand(first, { type: 'forget', transactions })
    // One whose FORGET was lost is adopted again, resolved again, and forgotten then.
    anchor.propose(command, () => {
      for (const id of transactions) ids.delete(nameOf(id))
    })
  }

  /** How long the phase took that ends now; the next one begins. */
  #phaseMs(running: Running): number {
    const { since } = running
    running.since = this.#clock.monotonic()
    return running.since - since
  }

  #isCurrent(running: Running, ...phases: readonly Running['phase'][]): boolean {
    return this.#running.get(running.name) === running && phases.includes(running.phase)
  }
}

/** Why a transaction is aborted by what one of its groups said. */
function refusalOf(told: Told): AbortReason {
  if (told.type === 'result') return told.result.type === 'aborted' ? told.result.why : 'ended'
  return told.type === 'refused' && told.code === 'overloaded' ? 'overloaded' : 'ended'
}

/** To the client: a decision, and what it left. */
function answerOf(told: Told): Told {
  // What is left of a late copy may go; what became of the first one nobody can say.
  if (told.type === 'result' && told.result.type === 'gone') return { type: 'unknown' }
  if (told.type !== 'result' || told.result.type !== 'ended') return told
  if (!told.result.committed) return { ...told, result: { type: 'aborted', why: 'ended' } }
  // Its results are known to nobody any more: the client acknowledged them.
  return { type: 'unknown' }
}

function tell(running: Running, told: Told): void {
  for (const hear of running.askers.splice(0)) hear(told)
}
