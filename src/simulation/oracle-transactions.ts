import type { Fate, Inquiries } from '../partition/encounters.ts'
import type { Entry } from '../raft/types.ts'
import { decodeBody } from '../state/entry-body.ts'
import { nameOf } from '../state/layout.ts'
import type { Answer, StateMachine } from '../state/state-machine.ts'
import { type Command, decodeCommand } from '../wire/command.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import { type GroupId, SYSTEM_GROUP } from '../wire/ids.ts'
import type { KeyResult, Result, Vote } from '../wire/result.ts'
import type { TransactionId, TransactionOperation, Work } from '../wire/transaction.ts'
import { KeyHistories } from './key-histories.ts'
import { changeOf, type Part, Parts, partOf } from './transaction-parts.ts'
import { Violation } from './violation.ts'

type Decision = 'committed' | 'aborted'

/** What is known of one transaction over several groups. */
interface Known {
  readonly name: string
  decision: Decision | undefined
  /** Its anchor said that it knows nothing of it: then it never will. */
  isGone: boolean
  anchor: GroupId | undefined
  others: readonly GroupId[]
}

/** A replica, as far as it is looked at. */
interface Seen {
  readonly group: GroupId
  readonly state: Pick<StateMachine, 'counter' | 'lookup'>
}

/** One command that a replica ran, the first of all. */
interface Ran {
  readonly replica: Seen
  readonly parts: Parts
  readonly command: Command
  readonly result: Result
  /** Where the counter stood before its entry: what it changed has a higher revision. */
  readonly before: number
}

/** Of operations of one type. */
type Of<Type extends TransactionOperation['type']> = Extract<TransactionOperation, { type: Type }>

/**
 * Transactions happen whole, at one moment, and once (docs/transactions.md, its rules): one place
 * decides, once; who is decided, refused or unknown is not prepared again; COMMIT has the parts of
 * all, RESOLVE says what was decided, FORGET comes last; what a part holds nobody changes; what a
 * transaction relies on stands when it commits; what became of it can be found. Seen by what the
 * commands answered to the first replica that ran them, so at the first wrong step.
 */
export class TransactionsOracle {
  readonly keys = new KeyHistories()
  readonly #groups = new Map<GroupId, Parts>()
  readonly #known = new Map<string, Known>()
  /** A replica with another state than it should have ran ahead: nothing is claimed any more. */
  #isBlind = false

  /** `replica` ran this entry, and its commands answered this. `isSound`: see EffectsOracle. */
  ran(
    replica: Seen,
    { index, kind, data }: Entry,
    { answers, isSound }: { readonly answers: readonly Answer[]; readonly isSound: boolean }
  ): void {
    const { group, state } = replica
    const parts = this.#partsOf(group)
    if (group === SYSTEM_GROUP || index <= parts.ran) return
    parts.ran = index
    if (!isSound) this.#isBlind = true
    const before = parts.counter
    parts.counter = state.counter
    if (this.#isBlind || kind !== 'command') return
    const { commands } = decodeBody(data)
    answers.forEach((answer, i) => {
      if (answer.type !== 'result') return
      const command = decodeCommand(commands[i] as Uint8Array)
      this.#ran({ replica, parts, command, result: answer.result, before })
    })
  }

  /** A moment to begin a read at. */
  asks(): number {
    return this.keys.now()
  }

  /** A caller was shown this by strong reads, as what stood at one moment after `asked`. */
  shown(shown: Parameters<KeyHistories['shown']>[0], asked: number): void {
    if (!this.#isBlind) this.keys.shown(shown, asked)
  }

  /** A caller was told what became of its transaction. */
  told(id: TransactionId, decision: Decision): void {
    const known = this.#of(id)
    if (this.#isBlind || known.decision === decision) return
    if (decision === 'aborted' && known.decision === undefined) known.decision = 'aborted'
    else fail(known, `its caller is told that it is ${decision}, and it is ${wordOf(known)}`)
  }

  /** Whoever asks is told what was decided when it asked, or since. */
  inquires(inquiries: Inquiries): Inquiries {
    return {
      waitedForMsMax: inquiries.waitedForMsMax,
      settle: (ref, group) => inquiries.settle(ref, group),
      ask: (ref, hear) => {
        const known = this.#of(ref)
        const before = known.decision
        inquiries.ask(ref, (fate) => {
          if (!this.#isBlind) checkFate(known, fate, before)
          hear(fate)
        })
      }
    }
  }

  #ran(ran: Ran): void {
    const { operation } = ran.command
    switch (operation.type) {
      case 'put':
      case 'delete':
      case 'increment':
      case 'touch':
        this.#changed(ran, operation)
        return
      case 'once':
        this.#changed(ran, operation.operation)
        return
      case 'transact':
        this.#transacted(ran, operation)
        return
      case 'create':
        this.#created(ran, operation)
        return
      case 'prepare':
        if (ran.result.type === 'prepared') this.#prepared(ran, operation.work, ran.result.vote)
        else if (ran.result.type === 'aborted') ran.parts.end(nameOf(ran.command))
        return
      case 'commit':
        this.#committed(ran)
        return
      case 'abort':
        this.#aborted(ran)
        return
      case 'resolve':
        this.#resolved(ran, operation)
        return
      case 'forget':
        for (const id of operation.transactions) this.#forgotten(id)
        return
      default:
        return
    }
  }

  /** A change of one key, unless `ran` is a copy that was answered as the first one. */
  #changed({ parts, command, result, before }: Ran, operation: DataOperation): void {
    const change = changeOf(operation, result as KeyResult)
    if (change === undefined || change.revision <= before) return
    if (this.keys.isKnown(change)) return
    const part: Part = { checks: [], changes: [change], written: new Set([change.key]) }
    this.#checkFree(parts, nameOf(command), part)
    this.keys.changed(part.changes)
  }

  /** All of it in one group. */
  #transacted({ parts, command, result, before }: Ran, operation: Of<'transact'>): void {
    const known = this.#of(command)
    const [work] = operation.parts
    if (result.type !== 'transacted' || work === undefined) {
      this.#heard(known, result)
      return
    }
    const part = partOf(work, result.votes[0]?.results ?? [])
    const isCopy = part.changes.some(({ revision }) => revision <= before)
    if (isCopy || known.decision === 'committed') return
    if (known.decision === 'aborted') fail(known, 'is committed, and was aborted')
    known.decision = 'committed'
    this.#checkFree(parts, known.name, part)
    this.#takesEffect(known, [part])
  }

  #created(ran: Ran, { others, work }: Of<'create'>): void {
    const known = this.#of(ran.command)
    if (ran.result.type !== 'prepared') {
      this.#heard(known, ran.result)
      return
    }
    if (known.decision !== undefined) fail(known, `is created, and was ${known.decision}`)
    if (known.isGone) fail(known, 'is created, and its anchor had said that it is gone')
    known.anchor = ran.replica.group
    known.others = others
    this.#prepared(ran, work, ran.result.vote)
  }

  #prepared({ parts, command }: Ran, work: Work, vote: Vote): void {
    const name = nameOf(command)
    if (parts.isOver(name)) {
      fail(this.#of(command), `is prepared in group ${parts.group}, and was over there`)
    }
    if (parts.get(name) !== undefined) return
    const part = partOf(work, vote.results)
    this.#checkFree(parts, name, part)
    parts.open(name, part)
  }

  #committed({ replica, parts, command, result }: Ran): void {
    const known = this.#of(command)
    if (result.type !== 'transacted' || known.decision !== undefined) {
      this.#heard(known, result)
      return
    }
    const groups = [parts, ...known.others.map((group) => this.#partsOf(group))]
    const all = groups.map((each) => {
      const part = each.get(known.name)
      return part ?? fail(known, `is committed without its part in group ${each.group}`)
    })
    known.decision = 'committed'
    parts.end(known.name)
    this.#takesEffect(known, all)
    checkKept(replica, command, known)
  }

  #aborted({ replica, parts, command, result }: Ran): void {
    const known = this.#of(command)
    this.#heard(known, result)
    if (result.type === 'gone') known.isGone = true
    else if (decisionIn(result) !== undefined) {
      parts.end(known.name)
      checkKept(replica, command, known)
    }
  }

  #resolved({ replica, parts, command }: Ran, { committed }: Of<'resolve'>): void {
    const known = this.#of(command)
    const isDecided = committed ? known.decision === 'committed' : known.decision === 'aborted'
    // Where its anchor knows nothing of it any more, all that is there is a late copy.
    const isLate = !committed && known.isGone && parts.get(known.name) === undefined
    const isUnknown = !committed && known.isGone && known.decision === undefined
    if (!(isDecided || isLate || isUnknown)) {
      const word = committed ? 'committed' : 'aborted'
      fail(known, `is resolved in group ${parts.group} as ${word}, and it is ${wordOf(known)}`)
    }
    if (parts.get(known.name) !== undefined) {
      parts.end(known.name)
      checkKept(replica, command, known)
    } else if (isKept(replica, command)) parts.end(known.name)
  }

  #forgotten(id: TransactionId): void {
    const known = this.#of(id)
    if (known.decision === undefined) return
    for (const group of known.others) {
      if (this.#partsOf(group).get(known.name) === undefined) continue
      fail(known, `is forgotten, and is not resolved in group ${group}`)
    }
  }

  /** Something that its anchor says of it. */
  #heard(known: Known, result: Result): void {
    const decision = decisionIn(result)
    if (decision === undefined) return
    known.decision ??= decision === 'aborted' ? 'aborted' : undefined
    if (known.decision !== decision) {
      fail(known, `is said to be ${decision} by its anchor, and it is ${wordOf(known)}`)
    }
  }

  #takesEffect(known: Known, parts: readonly Part[]): void {
    for (const { key, holds } of parts.flatMap(({ checks }) => checks)) {
      const revision = this.keys.revisionOf(key)
      if (revision === undefined || holds(revision)) continue
      fail(known, `is committed, and what it relies on does not hold: ${key} has ${revision}`)
    }
    this.keys.changed(parts.flatMap(({ changes }) => changes))
  }

  #checkFree(parts: Parts, name: string, part: Part): void {
    const rival = parts.rivalOf(name, part)
    if (rival === undefined) return
    const keys = [...part.written, ...part.checks.map(({ key }) => key)].join(', ')
    throw new Violation(
      `group ${parts.group}: ${name} takes ${keys}, of which transaction ${rival} holds some`
    )
  }

  #partsOf(group: GroupId): Parts {
    let parts = this.#groups.get(group)
    if (parts === undefined) {
      parts = new Parts(group)
      this.#groups.set(group, parts)
    }
    return parts
  }

  #of(id: TransactionId): Known {
    const name = nameOf(id)
    let known = this.#known.get(name)
    if (known === undefined) {
      known = { name, decision: undefined, isGone: false, anchor: undefined, others: [] }
      this.#known.set(name, known)
    }
    return known
  }
}

function checkFate(known: Known, fate: Fate, before: Decision | undefined): void {
  const isTrue = fate === 'pending' ? before === undefined : fate === known.decision
  if (fate === 'unknown' || isTrue) return
  fail(known, `is said to be ${fate} to a read, and it is ${wordOf(known)}`)
}

/** Whoever asks again, or comes late, must find what became of it. */
function checkKept(replica: Seen, id: TransactionId, known: Known): void {
  if (isKept(replica, id)) return
  fail(known, `is ${wordOf(known)}, and group ${replica.group} does not remember`)
}

const isKept = ({ state }: Seen, { session, seq }: TransactionId): boolean =>
  state.lookup(session, seq) !== undefined

function decisionIn(result: Result): Decision | undefined {
  switch (result.type) {
    case 'transacted':
      return 'committed'
    case 'aborted':
    // Its idempotency key has another answer: under this name nothing is run.
    case 'known':
    case 'not-run':
      return 'aborted'
    case 'ended':
      return result.committed ? 'committed' : 'aborted'
    default:
      return undefined
  }
}

const wordOf = ({ decision, isGone }: Known): string => decision ?? (isGone ? 'gone' : 'undecided')

function fail({ name }: Known, what: string): never {
  throw new Violation(`transaction ${name} ${what}`)
}
