import type { GroupId } from '../wire/ids.ts'
import type { Clock } from '../world/clock.ts'
import type { Logger } from '../world/log.ts'
import { Condition } from './condition.ts'
import type { NodeMachine } from './machine.ts'

/** Call `tick` so often. */
export const LOOKOUT_MS = 1_000
/** A tick so much too late: nothing of this process ran meanwhile. */
const LATE_MS = 500
/** Half of what ends leaderships. */
const SLOW_SYNC_MS = 500
const SLOW_FLUSH_MS = 2_000
/** An election takes up to 2 s; what takes longer does not heal by itself. */
const LEADERLESS_MS = 5_000
/** A fifth of what makes a clock unfit. */
const CLOCK_MS = 1_000
/** Statuses come once a second, and the first ones as they can. */
const CLOCK_PATIENCE_MS = 5_000
/** Of 10,000: see SESSION_LIMITS. */
const SESSIONS_MANY = 8_000
/** Named in a line; the others are only counted. */
const GROUPS_TOLD = 16

interface Conditions {
  readonly leaderless: Condition
  readonly sync: Condition
  readonly flush: Condition
  readonly room: Condition
  readonly shedding: Condition
  readonly clock: Condition
  readonly sessions: Condition
}

/**
 * Looks at a node once a second, and writes down what whoever runs it would want to know at three
 * in the morning. It only reads: nothing is done for it where things happen.
 */
export class Lookout {
  readonly #machine: NodeMachine
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #conditions: Conditions
  #at: number
  #led = new Set<GroupId>()
  #epoch = 0
  #shed = 0
  #transfers = { sent: 0, failed: 0, received: 0 }

  constructor(machine: NodeMachine, logger: Logger, clock: Clock) {
    this.#machine = machine
    this.#logger = logger
    this.#clock = clock
    this.#at = clock.monotonic()
    this.#conditions = conditions(logger)
  }

  tick(): void {
    const now = this.#clock.monotonic()
    const before = this.#at
    this.#at = now
    const lateMs = now - before - LOOKOUT_MS
    if (lateMs > LATE_MS) {
      this.#logger.log('warn', 'process was held up', { forMs: Math.round(lateMs) })
    }
    this.#lookAtMap()
    this.#lookAtGroups(now)
    this.#lookAtDisk(now, before)
    this.#lookAtLoad(now)
    this.#lookAtTransfers()
    const { offsetMs } = this.#machine.time
    this.#conditions.clock.look(now, Math.abs(offsetMs ?? 0) > CLOCK_MS, () => ({ offsetMs }))
  }

  #lookAtMap(): void {
    const { map } = this.#machine.membership
    if (map === undefined || map.epoch === this.#epoch) return
    this.#epoch = map.epoch
    this.#logger.log('info', 'cluster map', { epoch: map.epoch, nodes: map.nodes.length })
  }

  #lookAtGroups(now: number): void {
    const led = new Set<GroupId>()
    const leaderless: GroupId[] = []
    let sessionsMax = { group: 0, sessions: 0 }
    for (const { group, raft, state } of this.#machine.host.replicas()) {
      const { role, leader } = raft.status
      if (role === 'leader') led.add(group)
      if (leader === 0) leaderless.push(group)
      const sessions = state.sessionsKept
      if (sessions > sessionsMax.sessions) sessionsMax = { group, sessions }
    }
    const won = [...led].filter((group) => !this.#led.has(group))
    const lost = [...this.#led].filter((group) => !led.has(group))
    this.#led = led
    if (won.length > 0) this.#logger.log('info', 'leads', { ...named(won), leads: led.size })
    if (lost.length > 0) {
      this.#logger.log('info', 'leads no more', { ...named(lost), leads: led.size })
    }
    const { leaderless: without, sessions } = this.#conditions
    without.look(now, leaderless.length > 0, () => named(leaderless))
    sessions.look(now, sessionsMax.sessions > SESSIONS_MANY, () => sessionsMax)
  }

  #lookAtDisk(now: number, before: number): void {
    const { host, keeping, room } = this.#machine
    this.#conditions.room.look(now, room.level !== 'ok', () => ({
      level: room.level,
      usableBytes: room.usableBytes,
      reserveBytes: room.reserve.held
    }))
    const syncMs = Math.max(host.syncAgeMs, host.counts.persists.longestFrom(before))
    this.#conditions.sync.look(now, syncMs > SLOW_SYNC_MS, () => ({ syncMs: Math.round(syncMs) }))
    const flushMs = keeping.flusher.spans.longestFrom(before)
    this.#conditions.flush.look(now, flushMs > SLOW_FLUSH_MS, () => ({
      flushMs: Math.round(flushMs)
    }))
  }

  #lookAtLoad(now: number): void {
    const { watch, door, gateway } = this.#machine
    const refused = watch.shed - this.#shed
    this.#shed = watch.shed
    this.#conditions.shedding.look(now, refused > 0, () => ({
      refused,
      inside: door.inside,
      insideBytes: door.insideBytes,
      calls: gateway.inFlight
    }))
  }

  #lookAtTransfers(): void {
    const { sent, failed, received } = this.#machine.keeping.snapshots.counts
    const before = this.#transfers
    if (sent + failed + received === before.sent + before.failed + before.received) return
    this.#transfers = { sent, failed, received }
    this.#logger.log('info', 'states transferred', {
      sent: sent - before.sent,
      failed: failed - before.failed,
      received: received - before.received
    })
  }
}

function conditions(logger: Logger): Conditions {
  const condition = (begins: string, ends: string, afterMs = 0): Condition =>
    new Condition(logger, { begins, ends, afterMs })
  return {
    leaderless: condition('groups without a leader', 'all groups have a leader', LEADERLESS_MS),
    sync: condition('disk syncs slowly', 'disk syncs well again'),
    flush: condition('state is flushed slowly', 'state is flushed well again'),
    room: condition('disk is almost full', 'disk has room again'),
    shedding: condition('load is shed', 'load is shed no more'),
    clock: condition('clock is off', 'clock is right again', CLOCK_PATIENCE_MS),
    sessions: condition('sessions are many', 'sessions are few again')
  }
}

function named(groups: readonly GroupId[]): Readonly<Record<string, unknown>> {
  const sorted = [...groups].sort((a, b) => a - b)
  return { groups: sorted.slice(0, GROUPS_TOLD), count: groups.length }
}
