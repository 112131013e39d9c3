import type { Index } from '../raft/types.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import type { Timers } from '../world/clock.ts'
import type { ReplicaHost } from './host.ts'
import type { Replica } from './replica.ts'

export interface FreshnessShell {
  readonly host: ReplicaHost
  readonly timers: Timers
  /** Asks `node`, which leads these groups as far as known here. */
  ask(node: NodeId, round: number, groups: readonly GroupId[]): void
  /** Answers round `round` of `node`, which it asked in its life `nonce`. */
  tell(node: NodeId, nonce: number, told: RoundTold): void
}

export interface RoundTold {
  readonly round: number
  /** Each with the applied index of its leader, at or after everything committed by then. */
  readonly indexes: readonly (readonly [GroupId, Index])[]
}

/** Without reads that want to know, a leader is asked so often. */
const IDLE_MS = 1_000
/** An answer that comes later is of no use any more. */
const ROUND_AGE_MS_MAX = 10_000

/**
 * Lets each replica know how old its state is: asks the leader of its group, which answers only
 * after a majority confirmed it (see ReadRounds), and counts the age from the moment of asking. So
 * neither a slow network nor a leader that was replaced unawares makes a state look newer than it
 * is. Groups of one leader share a frame; those that are being read are asked at every tick.
 */
export class FreshnessRounds {
  readonly #shell: FreshnessShell
  /** Rounds asked, oldest first, and when. */
  readonly #open = new Map<number, number>()
  #round = 0
  #idleAt = 0

  constructor(shell: FreshnessShell) {
    this.#shell = shell
  }

  /** Call it at each tick of the node; `now` is monotonic. */
  tick(now: number): void {
    for (const [round, askedAt] of this.#open) {
      if (now - askedAt < ROUND_AGE_MS_MAX) break
      this.#open.delete(round)
    }
    // All at the same time: a frame and a round cost more than what is in them.
    const all = now >= this.#idleAt
    if (all) this.#idleAt = now + IDLE_MS
    const asked = new Map<NodeId, GroupId[]>()
    for (const replica of this.#shell.host.replicas()) {
      const { freshness } = replica
      if (!all && !freshness.wanted) continue
      if (replica.isLeader) this.#askSelf(replica, now)
      else if (!gather(replica, asked)) continue
      freshness.wanted = false
    }
    for (const [node, groups] of asked) {
      this.#open.set(++this.#round, now)
      this.#shell.ask(node, this.#round, groups)
    }
  }

  /** `node` asks how far the groups that we lead are. Groups of one answer were ready together. */
  asked(
    node: NodeId,
    question: {
      readonly nonce: number
      readonly round: number
      readonly groups: readonly GroupId[]
    }
  ): void {
    const { host, timers, tell } = this.#shell
    let indexes: [GroupId, Index][] = []
    const flush = (): void => {
      const told = { round: question.round, indexes }
      indexes = []
      tell(node, question.nonce, told)
    }
    for (const group of question.groups) {
      const replica = host.get(group)
      if (replica === undefined) continue
      const confirmed = (): void => {
        if (indexes.length === 0) timers.soon(flush)
        indexes.push([group, replica.state.applied.index])
      }
      this.#confirm(replica, confirmed)
    }
  }

  told({ round, indexes }: RoundTold): void {
    const askedAt = this.#open.get(round)
    if (askedAt === undefined) return
    for (const [group, index] of indexes) {
      const replica = this.#shell.host.get(group)
      replica?.freshness.told(askedAt, index, replica.state.applied.index)
    }
  }

  #askSelf(replica: Replica, now: number): void {
    const confirmed = (): void => {
      const { index } = replica.state.applied
      replica.freshness.told(now, index, index)
    }
    this.#confirm(replica, confirmed)
  }

  /** Whoever asked in vain learns nothing, and asks again. */
  #confirm(replica: Replica, run: () => void): void {
    const { host } = this.#shell
    const until = host.clock.monotonic() + ROUND_AGE_MS_MAX
    host.read(replica, { run, fail: () => {}, isOver: (now) => now > until })
  }
}

/** False: nobody is known who could be asked. */
function gather(replica: Replica, asked: Map<NodeId, GroupId[]>): boolean {
  const leader = replica.leaderNode
  if (leader === undefined) return false
  const groups = asked.get(leader)
  if (groups === undefined) asked.set(leader, [replica.group])
  else groups.push(replica.group)
  return true
}
