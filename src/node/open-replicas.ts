import type { Flusher } from '../partition/flusher.ts'
import type { ReplicaHost } from '../partition/host.ts'
import { Replica } from '../partition/replica.ts'
import { decodeConfiguration, encodeConfiguration } from '../raft/codec.ts'
import { Raft } from '../raft/raft.ts'
import type {
  HardState,
  Index,
  RaftOptions,
  RaftStart,
  SnapshotMark,
  StableLog,
  Term
} from '../raft/types.ts'
import { LOCK_PREFIX, META_KEY, SESSION_PREFIX, TRANSACTION_PREFIX } from '../state/layout.ts'
import { loadSaved, type StoredRows } from '../state/meta.ts'
import type { StateLimits } from '../state/state-limits.ts'
import { StateMachine, type StateMachineOptions } from '../state/state-machine.ts'
import type { Row } from '../state/unwritten-rows.ts'
import type { NodeLog, RecoveredGroup } from '../storage/log-types.ts'
import type { Overlay } from '../storage/overlay.ts'
import { Malformed } from '../wire/bytes.ts'
import type { ClusterMap, Placement } from '../wire/cluster-map.ts'
import { type GroupId, type NodeId, type ReplicaId, SYSTEM_GROUP } from '../wire/ids.ts'
import type { Random } from '../world/random.ts'
import { sometimes } from '../world/sometimes.ts'
import type { NodeLimits } from './config.ts'
import { UnusableData } from './identity.ts'
import { damaged, verifyState } from './verify-state.ts'

export interface OpenShell {
  readonly self: NodeId
  readonly host: ReplicaHost
  readonly log: NodeLog
  readonly overlay: Overlay
  readonly flusher: Flusher
  readonly random: Random
  readonly limits: NodeLimits
  readonly stateLimits: Partial<StateLimits> | undefined
  readonly fatal: (fault: Error) => void
  /** The map the cluster was formed with: what the system group's state begins as. */
  readonly founding: () => ClusterMap
}

/** Every group begins here on all its first members, so that their logs agree from the start. */
const FIRST_MARK = { index: 1, term: 1 } as const
const FIRST_HARD_STATE: HardState = { term: 1, vote: 0 }

/**
 * Makes a replica of each group that `map` places on this node and that does not run yet: from what
 * log and store remember, or new. `done` when all are in the host.
 */
export function openReplicas(shell: OpenShell, map: ClusterMap, done: () => void): void {
  const recovered = new Map(shell.log.groups().map((group) => [group.group, group]))
  const todo = map.placements.filter((placement) => {
    const here = placement.members.some((member) => member.node === shell.self)
    return here && shell.host.get(placement.group) === undefined
  })
  let left = todo.length
  let failed = false
  const fatal = (fault: Error): void => {
    if (!failed) shell.fatal(fault)
    failed = true
  }
  if (left === 0) {
    done()
    return
  }
  for (const placement of todo) {
    const found = recovered.get(placement.group)
    const known = found?.replica === 0 ? undefined : found
    const open = (state: StateMachine): void => {
      try {
        if (shell.host.get(placement.group) === undefined) {
          if (known === undefined) shell.host.add(createReplica(shell, placement, state))
          else shell.host.add(recoverReplica(shell, placement, known, state))
        }
      } catch (error) {
        if (!(error instanceof UnusableData)) throw error
        fatal(error)
        return
      }
      left--
      if (left === 0) done()
    }
    const { group } = placement
    const { overlay, stateLimits } = shell
    const verified = (): void => {
      // After a fault the store is being closed: nothing more may be asked of it.
      if (!failed) openState({ overlay, stateLimits, fatal, ended: () => failed }, group, open)
    }
    verifyState(overlay, group, verified, fatal)
  }
}

/** The state machine of `group` as the store has it. */
export function openState(
  shell: Pick<OpenShell, 'overlay' | 'stateLimits' | 'fatal'> & { readonly ended: () => boolean },
  group: GroupId,
  done: (state: StateMachine) => void
): void {
  const options = { group, table: shell.overlay.table(group), limits: shell.stateLimits }
  const scan = (prefix: Uint8Array, next: (rows: readonly Row[]) => void): void => {
    shell.overlay.scan(group, prefix, (fault, rows) => {
      if (shell.ended()) return
      if (fault === undefined) next(rows)
      else shell.fatal(fault)
    })
  }
  scan(SESSION_PREFIX, (sessions) => {
    scan(TRANSACTION_PREFIX, (transactions) => {
      scan(LOCK_PREFIX, (locks) => {
        const state = readState(options, { sessions, transactions, locks })
        if (state instanceof Error) shell.fatal(state)
        else done(state)
      })
    })
  })
}

function readState(
  { group, table, limits }: StateMachineOptions,
  rows: StoredRows
): StateMachine | UnusableData {
  try {
    const saved = loadSaved(table.get(META_KEY), rows)
    return new StateMachine({ group, table, limits }, saved)
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return damaged(group, error)
  }
}

function createReplica(shell: OpenShell, placement: Placement, state: StateMachine): Replica {
  const { group } = placement
  if (state.applied.index > 0) {
    throw new UnusableData(
      `the log of group ${group} is gone and its state is not: a part of the data directory was ` +
        'lost; start with an empty one, the node rejoins and copies its data'
    )
  }
  const configuration = { members: placement.members }
  const mark: SnapshotMark = { ...FIRST_MARK, configuration }
  const id = ownReplica(shell, placement)
  shell.log.create(group, id, mark, FIRST_HARD_STATE)
  beginState(shell, group, state, mark)
  const stable = { entries: shell.log.entries.bind(shell.log, group) }
  const start = startAt(mark, FIRST_HARD_STATE, stable)
  return makeReplica(shell, { placement, id, start, state })
}

function recoverReplica(
  shell: OpenShell,
  placement: Placement,
  { replica: id, start }: RecoveredGroup,
  state: StateMachine
): Replica {
  const { applied } = state
  shell.flusher.setDurable(placement.group, applied)
  if (applied.index === 0 && start.mark.index === FIRST_MARK.index) {
    // It was created and stopped before its first flush: all it knew is in the log.
    sometimes('node: a group was never flushed in its first life')
    beginState(shell, placement.group, state, start.mark)
    return makeReplica(shell, { placement, id, start: { ...start, applied: 1 }, state })
  }
  if (applied.index < start.mark.index) {
    throw new UnusableData(
      `the state of group ${placement.group} is older than its log: a part of the data directory ` +
        'was put back or lost; start with an empty one, the node rejoins and copies its data'
    )
  }
  if (termAt(start, applied.index) === applied.term) {
    return makeReplica(shell, { placement, id, start: { ...start, applied: applied.index }, state })
  }
  // A snapshot was switched in and its mark had not reached the log yet: what stands there, shorter
  // or longer than the mark, conflicts with it.
  sometimes('node: a snapshot was put in and the log did not know of it')
  const mark = { ...applied, configuration: decodeConfiguration(state.configuration) }
  shell.log.reset(placement.group, mark)
  const { stable } = start
  let { hardState } = start
  if (hardState.term < mark.term) {
    hardState = { term: mark.term, vote: 0 }
    shell.log.setHardState(placement.group, hardState)
  }
  const reset = startAt(mark, hardState, stable)
  return makeReplica(shell, { placement, id, start: reset, state })
}

/** Nothing in the log behind `mark`, and the state is there. */
function startAt(mark: SnapshotMark, hardState: HardState, stable: StableLog): RaftStart {
  const { index } = mark
  return {
    hardState,
    mark,
    termRuns: [],
    lastIndex: index,
    configurations: [],
    applied: index,
    stable
  }
}

/** The term of the log at `index`; 0 where it has none. */
function termAt({ mark, termRuns, lastIndex }: RecoveredGroup['start'], index: Index): Term {
  if (index > lastIndex || index < mark.index) return 0
  let { term } = mark
  for (const [first, of] of termRuns) if (first <= index) term = of
  return term
}

function beginState(
  shell: OpenShell,
  group: GroupId,
  state: StateMachine,
  mark: SnapshotMark
): void {
  if (group === SYSTEM_GROUP) state.seedClusterMap(shell.founding())
  state.begin(FIRST_MARK, encodeConfiguration(mark.configuration))
}

interface Making {
  readonly placement: Placement
  readonly id: ReplicaId
  readonly start: RaftStart
  readonly state: StateMachine
}

function makeReplica(shell: OpenShell, { placement, id, start, state }: Making): Replica {
  const { limits, random, host } = shell
  const options: RaftOptions = {
    group: placement.group,
    self: id,
    random: random.fork(`raft-${placement.group}`),
    electionTicks: limits.electionTicks,
    heartbeatTicks: limits.heartbeatTicks,
    appendBytesMax: limits.appendBytesMax,
    inflightAppendsMax: limits.inflightAppendsMax,
    inflightBytesMax: limits.inflightBytesMax,
    uncommittedBytesMax: limits.uncommittedBytesMax,
    tailBytesMax: limits.tailBytesMax,
    preferred: isPreferred(placement, id)
  }
  return new Replica({ placement, id }, new Raft(options, start), state, host)
}

/** The first and those next in line: they should win when the leader is lost. */
function isPreferred({ members }: Placement, id: ReplicaId): boolean {
  const place = members.findIndex((member) => member.replica === id)
  return place >= 0 && place < Math.ceil(members.length / 2)
}

function ownReplica(shell: OpenShell, placement: Placement): ReplicaId {
  return placement.members.find((member) => member.node === shell.self)?.replica ?? 0
}
