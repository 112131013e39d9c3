import type { Index, Term } from '../raft/types.ts'
import type { GroupId, NodeId, ReplicaId } from '../wire/ids.ts'
import type { ConfirmGroup } from '../wire/node-frames.ts'
import { Histogram } from '../world/histogram.ts'
import { sometimes } from '../world/sometimes.ts'
import { Spans } from '../world/spans.ts'
import type { Replica } from './replica.ts'
import type { ReadWait } from './waits.ts'

export interface ReadShell {
  sendConfirm(node: NodeId, round: number, groups: readonly ConfirmGroup[]): void
}

interface Wait {
  readonly index: Index
  readonly read: ReadWait
}

interface GroupRound {
  readonly replica: Replica
  readonly term: Term
  readonly acks: Set<ReplicaId>
  waits: Wait[]
}

interface Round {
  readonly startedAt: number
  readonly groups: Map<GroupId, GroupRound>
}

/** A round whose answers are this late is asked anew: its frames may be lost. */
const ROUND_AGE_MS_MAX = 300

/**
 * ReadIndex (Raft thesis §6.4) for all groups of a node at once: all strong reads of a turn, of
 * whichever groups, share one numbered round, and each peer gets one question. A peer answers which
 * of the groups it cannot confirm; those do not count. Round numbers are never reused within a life
 * and travel with the boot nonce, so a late answer confirms nothing it was not asked (etcd#20418).
 */
export class ReadRounds {
  readonly #shell: ReadShell
  /** From asking to the last group's quorum, in ms: one for each round that nothing was lost of. */
  readonly latency = new Histogram()
  /** The last of these, each up to every answer. */
  readonly spans = new Spans()
  /** Rounds asked. */
  rounds = 0
  /** Rounds whose answers were late, so that it was asked again. */
  retried = 0
  #gathering = new Map<GroupId, GroupRound>()
  readonly #open = new Map<number, Round>()
  #round = 0

  constructor(shell: ReadShell) {
    this.#shell = shell
  }

  /**
   * Runs `read` when it is certain that `replica` led its group at some moment after this call and
   * everything committed before the call is applied; fails it if it stops leading first.
   */
  request(replica: Replica, read: ReadWait): void {
    const { raft } = replica
    const { group } = replica
    let gathered = this.#gathering.get(group)
    if (gathered !== undefined && gathered.term !== raft.currentTerm) {
      failAll(gathered)
      gathered = undefined
    }
    if (gathered === undefined) {
      gathered = { replica, term: raft.currentTerm, acks: new Set(), waits: [] }
      this.#gathering.set(group, gathered)
    }
    gathered.waits.push({ index: raft.commit, read })
  }

  get waiting(): boolean {
    return this.#gathering.size > 0
  }

  /** Ends a turn: starts a round for the reads that came in it. */
  endTurn(now: number): void {
    if (this.#gathering.size === 0) return
    const groups = this.#gathering
    this.#gathering = new Map()
    const round = ++this.#round
    const asked = new Map<NodeId, ConfirmGroup[]>()
    for (const [group, part] of groups) {
      if (this.#settleIfDone(part)) {
        groups.delete(group)
        continue
      }
      this.#ask(part, asked)
    }
    if (groups.size === 0) return
    this.rounds++
    this.#open.set(round, { startedAt: now, groups })
    for (const [node, parts] of asked) this.#shell.sendConfirm(node, round, parts)
  }

  /** `failed`: the groups of the round that `node` did not confirm. */
  onReply(node: NodeId, round: number, failed: ReadonlySet<GroupId>, now: number): void {
    const open = this.#open.get(round)
    if (open === undefined) return
    // Before anybody is answered who would ask for it.
    this.spans.remember(open.startedAt, now)
    for (const [group, part] of open.groups) {
      if (failed.has(group)) continue
      for (const member of part.replica.raft.configuration.members) {
        if (member.node === node && member.voter) part.acks.add(member.replica)
      }
      if (this.#settleIfDone(part)) open.groups.delete(group)
    }
    if (open.groups.size > 0) return
    this.#open.delete(round)
    this.latency.observe(now - open.startedAt)
  }

  /**
   * Lets go of reads nobody waits for, and asks again for what was asked too long ago. Call it a
   * few times a second.
   */
  tick(now: number): void {
    sweep(this.#gathering, now)
    for (const [round, { groups }] of this.#open) {
      sweep(groups, now)
      if (groups.size === 0) this.#open.delete(round)
    }
    for (const [round, open] of this.#open) {
      if (now - open.startedAt < ROUND_AGE_MS_MAX) break
      this.#open.delete(round)
      this.retried++
      sometimes('partition: a round of reads is asked anew')
      for (const part of open.groups.values()) this.#regather(part)
    }
  }

  /** `replica` leads in another term now, or not at all: its reads fail here. */
  leadershipChanged(replica: Replica): void {
    const { group } = replica
    const { role, term } = replica.raft.status
    const stale = (part: GroupRound | undefined): part is GroupRound =>
      part !== undefined && (role !== 'leader' || part.term !== term)
    const gathered = this.#gathering.get(group)
    if (stale(gathered)) {
      this.#gathering.delete(group)
      failAll(gathered)
    }
    for (const [round, open] of this.#open) {
      const part = open.groups.get(group)
      if (!stale(part)) continue
      open.groups.delete(group)
      if (open.groups.size === 0) this.#open.delete(round)
      sometimes('partition: a leader falls while its reads are confirmed')
      failAll(part)
    }
  }

  #ask(part: GroupRound, asked: Map<NodeId, ConfirmGroup[]>): void {
    const { replica, term } = part
    for (const member of replica.raft.configuration.members) {
      if (!member.voter || member.replica === replica.id) continue
      const parts = asked.get(member.node) ?? []
      parts.push({ group: replica.group, from: replica.id, to: member.replica, term })
      asked.set(member.node, parts)
    }
  }

  #regather(part: GroupRound): void {
    const { group } = part.replica
    const gathered = this.#gathering.get(group)
    if (gathered === undefined) {
      const { replica, term, waits } = part
      this.#gathering.set(group, { replica, term, acks: new Set(), waits })
    } else if (gathered.term === part.term) gathered.waits.unshift(...part.waits)
    else failAll(part)
  }

  #settleIfDone(part: GroupRound): boolean {
    const { raft } = part.replica
    const { isLeader, currentTerm } = raft
    if (!isLeader || currentTerm !== part.term) {
      failAll(part)
      return true
    }
    if (!raft.isQuorum((replica) => part.acks.has(replica))) return false
    for (const { index, read } of part.waits) part.replica.whenApplied(index, read)
    return true
  }
}

function failAll({ waits }: GroupRound): void {
  for (const { read } of waits) read.fail()
}

function sweep(groups: Map<GroupId, GroupRound>, now: number): void {
  for (const [group, part] of groups) {
    part.waits = part.waits.filter(({ read }) => !read.isOver(now))
    if (part.waits.length === 0) groups.delete(group)
  }
}

/**
 * Whether `replica`, asked by a leader of `asked.term`, still follows that term (or none newer).
 */
export function confirms({ id, raft }: Replica, asked: ConfirmGroup): boolean {
  return id === asked.to && raft.currentTerm === asked.term
}
