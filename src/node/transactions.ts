import type { ClientDriver } from '../client/driver.ts'
import type { CallOutcome } from '../client/inputs.ts'
import type { Answered, Asker } from '../partition/answer.ts'
import { ok, rejected, unknown } from '../partition/answer.ts'
import type { Fate } from '../partition/encounters.ts'
import type { ReplicaHost, TransactionShell } from '../partition/host.ts'
import type { Replica } from '../partition/replica.ts'
import type { Transact } from '../partition/transactional.ts'
import { decisionOf } from '../transaction/commands.ts'
import { Coordinator } from '../transaction/coordinator.ts'
import type { Anchor, Courier, Hear, Told } from '../transaction/ports.ts'
import { Resolver } from '../transaction/resolver.ts'
import { ByteReader, ByteWriter } from '../wire/bytes.ts'
import { isDecisionType, operationTypeOf } from '../wire/command.ts'
import type { Code, RoutingCode } from '../wire/failure.ts'
import type { GroupId } from '../wire/ids.ts'
import { readResult, writeResult } from '../wire/result.ts'
import type { AnchoredTransaction, TransactionRef } from '../wire/transaction.ts'
import type { Clock } from '../world/clock.ts'

/** What the record of a transaction says must come within this time. */
const ASK_MS = 2_000
const SWEEP_MS_MAX = 1_000

/** How soon others see to what a coordinator leaves undone; any time is safe. */
export interface TransactionPatience {
  /** A transaction that somebody waits for is ended after so long. Default 2,000. */
  readonly waitedForMsMax: number
  /** A part that is not decided for so long has lost its coordinator. Default 3,000. */
  readonly partAgeMsMax: number
  /** Decided records are dropped together, so often. Default 1,000. */
  readonly forgetMs: number
  /** No step at another group is waited for longer. Default 4,000. */
  readonly stepMsMax: number
}

/** The transactions of one node: those it coordinates, and those its replicas hold parts of. */
export class NodeTransactions implements TransactionShell {
  readonly coordinator: Coordinator
  readonly resolver: Resolver
  readonly waitedForMsMax: number
  readonly #clock: Clock
  readonly #partAgeMsMax: number
  readonly #anchors = new Map<GroupId, Anchor>()
  #sweepAt = 0

  constructor(clock: Clock, patience: TransactionPatience, call: ClientDriver['call']) {
    const courier = courierOf(call, patience.stepMsMax)
    this.#clock = clock
    this.waitedForMsMax = patience.waitedForMsMax
    this.#partAgeMsMax = patience.partAgeMsMax
    this.coordinator = new Coordinator(courier, clock, patience.forgetMs)
    this.resolver = new Resolver(courier, {
      outcome: (of, hear) => {
        const timeoutMs = Math.min(ASK_MS, patience.stepMsMax)
        call({ kind: 'outcome', of }, { timeoutMs }, (outcome) => hear(toldBy(outcome)))
      }
    })
  }

  coordinate(replica: Replica, command: Transact, asker: Asker): void {
    const hear = (told: Told): void => asker.respond(answerTo(told))
    this.coordinator.begin(this.#anchorOf(replica), command, hear)
  }

  ask(ref: TransactionRef, hear: (fate: Fate) => void): void {
    this.resolver.ask(ref, (told) => hear(fateOf(told)))
  }

  settle(ref: AnchoredTransaction, group: GroupId): void {
    this.resolver.settle(ref, group)
  }

  leadershipChanged(replica: Replica): void {
    this.coordinator.leadershipChanged(replica.group)
  }

  /** Takes over and clears up what others left. Call it at each tick of the node. */
  tick(host: ReplicaHost): void {
    const anchors: Anchor[] = []
    const now = this.#clock.monotonic()
    const sweeps = now >= this.#sweepAt
    if (sweeps) this.#sweepAt = now + Math.min(SWEEP_MS_MAX, this.#partAgeMsMax)
    for (const replica of host.replicas()) {
      const { transactions } = replica.state
      const { records, parts } = transactions.counts
      if (records + parts === 0) continue
      // Before its first commit a leader does not know what earlier ones decided.
      if (!replica.isLeader || !replica.raft.committedInTerm) continue
      if (records > 0) anchors.push(this.#anchorOf(replica))
      if (sweeps && parts > 0) this.#sweep(replica)
    }
    this.coordinator.tick(anchors)
  }

  #sweep(replica: Replica): void {
    const { group, state, time } = replica
    for (const { ref, time: since } of state.transactions.parts()) {
      // Those of its own transactions come back by their records.
      const isOld = ref.anchor !== group && time.look() - since > this.#partAgeMsMax
      if (isOld) this.resolver.settle(ref, group)
    }
  }

  #anchorOf(replica: Replica): Anchor {
    const { group } = replica
    let anchor = this.#anchors.get(group)
    if (anchor === undefined) {
      anchor = new ReplicaAnchor(replica)
      this.#anchors.set(group, anchor)
    }
    return anchor
  }
}

/** A coordinator's own group, through its replica here. */
class ReplicaAnchor implements Anchor {
  readonly #replica: Replica

  constructor(replica: Replica) {
    this.#replica = replica
  }

  get group(): GroupId {
    return this.#replica.group
  }

  get term(): number {
    const { isLeader, currentTerm } = this.#replica.raft
    return isLeader ? currentTerm : 0
  }

  record(id: Parameters<Anchor['record']>[0]): ReturnType<Anchor['record']> {
    return this.#replica.state.transactions.record(id)
  }

  records(): ReturnType<Anchor['records']> {
    return this.#replica.state.transactions.records()
  }

  propose(command: Uint8Array, hear: Hear): void {
    let heard = false
    this.#replica.mutate(command, {
      respond: (answer) => {
        if (heard) return
        heard = true
        hear(toldByReply(answer))
      },
      // Whoever began a transaction, its decision is owed to all.
      isOver: () => heard
    })
  }
}

function courierOf(call: ClientDriver['call'], stepMsMax: number): Courier {
  return {
    send: (group, command, wishedMs, hear) => {
      const timeoutMs = Math.min(wishedMs, stepMsMax)
      // What ends a transaction makes room: it is never held back.
      const admitted = isDecisionType(operationTypeOf(command))
      call({ kind: 'forward', group, command }, { timeoutMs, admitted }, (outcome) => {
        hear(toldBy(outcome))
      })
    }
  }
}

function toldBy(outcome: CallOutcome): Told {
  if (outcome.ok) {
    if (outcome.kind !== 'forward' && outcome.kind !== 'outcome') return { type: 'unknown' }
    const { result, applied } = outcome
    return { type: 'result', result, applied }
  }
  const { failure } = outcome
  if (failure.outcome === 'unknown') return { type: 'unknown' }
  const { code, message, retryAfterMs = 0 } = failure
  return { type: 'refused', code, message, waitMs: retryAfterMs }
}

function toldByReply({ outcome, code, message, waitMs, body, applied }: Answered): Told {
  if (outcome === 'unknown') return { type: 'unknown' }
  if (outcome === 'rejected') return { type: 'refused', code, message, waitMs }
  return { type: 'result', result: readResult(new ByteReader(body)), applied }
}

function answerTo(told: Told): Answered {
  switch (told.type) {
    case 'result': {
      const writer = new ByteWriter(64)
      writeResult(writer, told.result)
      return ok(told.applied, writer.finish())
    }
    case 'refused':
      return rejected(told.code as Code | RoutingCode, told.message, { waitMs: told.waitMs })
    default:
      return unknown('the coordinator of the transaction stepped down before it knew')
  }
}

function fateOf(told: Told): Fate {
  if (told.type !== 'result') return 'unknown'
  const { result } = told
  if (result.type === 'pending') return 'pending'
  return result.type === 'gone' ? 'unknown' : (decisionOf(result) ?? 'unknown')
}
