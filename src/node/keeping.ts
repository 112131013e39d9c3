import { Audit } from '../partition/audit.ts'
import { Flusher } from '../partition/flusher.ts'
import { FreshnessRounds } from '../partition/freshness-rounds.ts'
import type { TrustedClock } from '../partition/group-time.ts'
import { ReplicaHost, type TransactionShell } from '../partition/host.ts'
import type { Room } from '../partition/room.ts'
import { Scans } from '../partition/scans.ts'
import { Snapshots } from '../partition/snapshots.ts'
import { Sweeper } from '../partition/sweeper.ts'
import { isSoundRecord } from '../state/keys.ts'
import { cutShort } from '../storage/log-corrupt.ts'
import type { NodeLog } from '../storage/log-types.ts'
import { LOG_END_KEY, readNote } from '../storage/node-notes.ts'
import { Overlay } from '../storage/overlay.ts'
import { openLog } from '../storage/segmented-log.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import { type DigestClaim, encodeFreshness, encodeFreshnessReply } from '../wire/node-frames.ts'
import type { StateWrite } from '../world/state-store.ts'
import { type Identity, UnusableData } from './identity.ts'
import type { MachineOptions } from './machine-options.ts'
import { NodeNotes } from './notes.ts'
import { openState } from './open-replicas.ts'
import { NodeOutbox } from './outbox.ts'

/** Everything that keeps this node's replicas: what is on disk, and who moves it there and back. */
export interface Keeping {
  readonly log: NodeLog
  readonly overlay: Overlay
  readonly host: ReplicaHost
  readonly flusher: Flusher
  readonly snapshots: Snapshots
  readonly scans: Scans
  readonly audit: Audit
  readonly freshness: FreshnessRounds
  /** What goes on by time alone; call it at each tick of the node, `now` monotonic. */
  readonly tick: (now: number) => void
}

export interface KeepingShell {
  /** What is new of the disks of others, to be kept. */
  readonly lifeNotes: () => readonly StateWrite[]
  readonly bootNonce: number
  readonly trusted: TrustedClock
  readonly room: Room
  readonly transactions: TransactionShell
  /** See HostOptions. */
  readonly leads: (group: GroupId) => void
  readonly isLinked: (node: NodeId) => boolean
  readonly tellDigests: (claims: readonly DigestClaim[]) => void
  /** A replica was found damaged: it must stay so over restarts. */
  readonly onDamage: (group: GroupId) => void
  readonly fatal: (fault: Error) => void
  /** See HostOptions. */
  readonly fill: () => boolean
  /** The node has ended: what is still on its way from the disk finds nothing open. */
  readonly ended: () => boolean
}

/** Opens log and state. Throws UnusableData, LogCorrupt, StoreNewer, or DiskFault. */
export function openKeeping(
  options: MachineOptions,
  identity: Identity,
  shell: KeepingShell
): Keeping {
  const { transport, clock, timers, limits, stateLimits } = options
  const { fatal, isLinked, room } = shell
  const log = openWholeLog(options, identity)
  const overlay = new Overlay(options.store, { onFault: fatal, isSound: isSoundRecord })
  const host = new ReplicaHost({
    self: transport.self,
    clock,
    trusted: shell.trusted,
    timers,
    log,
    room,
    outbox: new NodeOutbox(transport, shell.bootNonce),
    fatal,
    onlooker: options.onlooker,
    fill: shell.fill,
    transactions: shell.transactions,
    limits,
    leads: shell.leads,
    syncStallMs: limits.syncStallMs,
    snapshotsWanted: (replica, to) => snapshots.want(replica, to)
  })
  const notes = new NodeNotes({ clock, log, lives: shell.lifeNotes })
  const flusher = new Flusher(host, overlay, { ...limits, clock, fatal, isLinked, notes })
  const snapshots = new Snapshots(host, overlay, flusher, {
    clock,
    send: (node, parts) => transport.send(node, parts, 'bulk'),
    answer: (node, parts) => transport.send(node, parts),
    isLinked,
    openState: (group, opened) =>
      openState({ overlay, stateLimits, fatal, ended: shell.ended }, group, opened),
    fatal,
    limits
  })
  const audit = auditOf(host, options, shell)
  const freshness = freshnessOf(host, options, shell.bootNonce)
  const sweeper = new Sweeper(host, overlay, fatal)
  const tick = (now: number): void => {
    overlay.tend(now, room.level)
    snapshots.tick()
    freshness.tick(now)
    if (room.level !== 'full') sweeper.tick(now)
  }
  const scans = new Scans(host, overlay, fatal)
  return { log, overlay, host, flusher, snapshots, scans, audit, freshness, tick }
}

/** Throws when the log is not all that was durable once. */
function openWholeLog({ disk, store, limits }: MachineOptions, identity: Identity): NodeLog {
  const log = openLog(disk, { segmentBytes: limits.segmentBytes })
  if (identity.logBorn && log.groups().length === 0) {
    throw new UnusableData('the log of this data directory is gone: start with an empty one')
  }
  const [logEnd = 0] = readNote(store, LOG_END_KEY, 1) ?? []
  if (log.durableSequence < logEnd) throw cutShort(log.durableSequence, logEnd)
  return log
}

function auditOf(
  host: ReplicaHost,
  { transport, logger }: MachineOptions,
  { tellDigests, onDamage }: KeepingShell
): Audit {
  return new Audit(host, {
    self: transport.self,
    tell: tellDigests,
    onDamage: (replica, reason) => {
      if (replica.damage !== undefined) return
      logger.log('error', 'replica damaged', { reason })
      replica.condemn(reason)
      onDamage(replica.group)
    }
  })
}

function freshnessOf(
  host: ReplicaHost,
  { timers, transport }: MachineOptions,
  bootNonce: number
): FreshnessRounds {
  return new FreshnessRounds({
    host,
    timers,
    ask: (node, round, groups) => {
      transport.send(node, encodeFreshness({ nonce: bootNonce, round, groups }))
    },
    tell: (node, nonce, told) => {
      transport.send(node, encodeFreshnessReply({ nonce, ...told }))
    }
  })
}
