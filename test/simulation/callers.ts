import { consistencyOf } from '../../src/client/calls.ts'
import type { Shell } from '../../src/client/course.ts'
import type { CallOperation, CallOutcome, Floor, SeenGroup } from '../../src/client/inputs.ts'
import { readSnapshot, type SnapshotOutcome } from '../../src/client/snapshot.ts'
import { Turns } from '../../src/client/turns.ts'
import type { SimulatedClient } from '../../src/simulation/client.ts'
import type { SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { Shown } from '../../src/simulation/key-histories.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import type { TransactionsOracle } from '../../src/simulation/oracle-transactions.ts'
import { keyNameOf } from '../../src/simulation/transaction-parts.ts'
import type { Life } from '../../src/simulation/world.ts'
import type { GroupId } from '../../src/wire/ids.ts'
import { bothLapses } from '../../src/wire/read-body.ts'
import type { Cancel } from '../../src/world/clock.ts'
import type { Random } from '../../src/world/random.ts'

/** Somebody who calls the store and remembers, as one session, what was answered. */
export interface Caller {
  readonly name: string
  readonly session: string
  /** Of the process that calls now. */
  readonly life: Life
  /** Of all transactions through it. */
  readonly turns: Turns
  /** Judges what it is shown; absent: nobody does. */
  readonly oracle?: TransactionsOracle
  /** `lost` is called instead of `done` when nobody can answer any more. The result gives up. */
  call(
    operation: CallOperation,
    timeoutMs: number,
    done: (outcome: CallOutcome) => void,
    lost: () => void
  ): Cancel
}

/** What a caller is told where nobody can answer any more. */
export const LOST: CallOutcome = {
  ok: false,
  failure: { code: 'unknown_outcome', message: 'its process died', outcome: 'unknown' }
}

/**
 * What the library runs transactions by, for `caller`. A process that dies leaves its transaction
 * to its fate; who waits for it hears so, in `life`.
 */
export function shellOf(caller: Caller, { clock, timers }: Life, random: Random): Shell {
  return {
    clock,
    timers,
    random,
    turns: caller.turns,
    call: (operation, { timeoutMs }, done) => {
      return caller.call(operation, timeoutMs, done, () => done(LOST))
    }
  }
}

/** `caller`, whose every answer the oracles of `cluster` judge as it comes. */
export function judged(cluster: SimulatedCluster, caller: Caller): Caller {
  return {
    name: caller.name,
    turns: caller.turns,
    oracle: cluster.oracles.transactions,
    get session() {
      return caller.session
    },
    get life() {
      return caller.life
    },
    call(operation, timeoutMs, done, lost) {
      const { session } = caller
      const { oracles, world } = cluster
      const called = world.now
      const asked = oracles.transactions.asks()
      const consistency = consistencyOf(operation)
      const judge = (outcome: CallOutcome): void => {
        if (outcome.ok) {
          const kind = outcome.kind === 'get' || outcome.kind === 'scan' ? 'get' : 'mutate'
          for (const { group, applied } of seenBy(outcome)) {
            const told = { session, kind, consistency, group, applied, called } as const
            oracles.answers.told(told, world.now)
          }
          if (operation.kind === 'get' && outcome.kind === 'get' && consistency === 'strong') {
            const revision = outcome.record?.revision ?? 0
            oracles.transactions.shown([[keyNameOf(operation.key), revision]], asked)
          }
          if (outcome.kind === 'transact') {
            oracles.transactions.told(outcome.id, outcome.decision.type)
          }
        }
        done(outcome)
      }
      return caller.call(operation, timeoutMs, judge, lost)
    }
  }
}

/** As readSnapshot, for `caller`, whose oracle judges whether it ever stood so. */
export function lookAt(
  { oracle }: Caller,
  shell: Shell,
  { keys, timeoutMs }: { readonly keys: readonly Uint8Array[]; readonly timeoutMs: number },
  done: (read: SnapshotOutcome) => void
): void {
  const asked = oracle?.asks() ?? 0
  readSnapshot(shell, keys, { timeoutMs }, (read) => {
    if (read.ok) {
      const shown = read.records.map((record, i): Shown => {
        return [keyNameOf(keys[i] as Uint8Array), record?.revision ?? 0]
      })
      oracle?.shown(shown, asked)
    }
    done(read)
  })
}

/** The moments that an answer shows, one in each group it is about. */
function seenBy(outcome: CallOutcome & { ok: true }): readonly SeenGroup[] {
  if (outcome.kind === 'watch') return []
  return outcome.kind === 'transact' ? outcome.groups : [outcome]
}

/** What it takes to find out that no node takes connections. */
const NOBODY_MS = 50
const NOBODY_THERE: CallOutcome = {
  ok: false,
  failure: { code: 'unavailable', message: 'no node is there', outcome: 'not_applied' }
}

/** Half of all callers may make few calls of transactions at once, so that some wait in line. */
function turnsOf({ random }: Life): Turns {
  const drawn = random.fork('turns')
  return drawn.below(2) === 0 ? new Turns() : new Turns(1 + drawn.below(4))
}

/** Each life of a client is a session: its machine keeps what it has seen. */
export function clientCaller(client: SimulatedClient): Caller {
  return {
    name: client.name,
    turns: turnsOf(client.life),
    get session() {
      return client.life.name
    },
    get life() {
      return client.life
    },
    call: (operation, timeoutMs, done, lost) => client.call(operation, timeoutMs, done, lost)
  }
}

/**
 * Whoever stands in front of nodes leaves out one that was replaced and is let in no more, or that
 * has long been out of order.
 */
function mayAnswer({ machine, life, lost, away }: SimulatedNode): boolean {
  if (machine === undefined || life?.paused || away !== undefined) return false
  return lost === undefined || machine.membership.isMember
}

/**
 * A caller as those over HTTP are: each call goes through any node, and what was seen goes with the
 * caller, not with the node.
 */
export class GatewayCaller implements Caller {
  readonly name: string
  readonly session: string
  readonly life: Life
  readonly turns = new Turns()
  readonly #cluster: SimulatedCluster
  readonly #floors = new Map<GroupId, Floor>()

  /** Its name is that of its life, which it shares with no other. */
  constructor(cluster: SimulatedCluster, life: Life) {
    this.#cluster = cluster
    this.life = life
    this.name = `http of ${life.name}`
    this.session = this.name
  }

  call(
    operation: CallOperation,
    timeoutMs: number,
    done: (outcome: CallOutcome) => void,
    lost: () => void
  ): Cancel {
    let over = false
    const end = (run: () => void): void => {
      if (over) return
      over = true
      stopTimer()
      run()
    }
    // A node that died does not answer; its clients learn it from the connection or by waiting.
    const stopTimer = this.life.timers.after(2 * timeoutMs, () => end(lost))
    const awake = this.#cluster.nodes.filter(mayAnswer)
    const node = awake[this.life.random.below(Math.max(1, awake.length))]
    if (node?.machine === undefined) {
      // Nobody has heard of it: it surely came to nothing.
      this.life.timers.after(NOBODY_MS, () => end(() => done(NOBODY_THERE)))
      return () => {}
    }
    const floors = new Map(this.#floors)
    const isRead = operation.kind === 'get' || operation.kind === 'scan'
    const asked = isRead ? { ...operation, floors } : operation
    return node.machine.gateway.call(asked, { timeoutMs }, (outcome) =>
      end(() => {
        if (outcome.ok) this.#seen(outcome)
        done(outcome)
      })
    )
  }

  #seen(outcome: CallOutcome & { ok: true }): void {
    const lapse = 'lapse' in outcome ? outcome.lapse : undefined
    for (const { group, applied } of seenBy(outcome)) {
      const before = this.#floors.get(group) ?? { applied: 0 }
      this.#floors.set(group, {
        applied: Math.max(applied, before.applied),
        lapse: bothLapses(before.lapse, lapse)
      })
    }
  }
}
