import { unreachable } from '../world/assert.ts'
import { between, type FaultShell, type Lasts, pick } from './faults.ts'
import type { SimulatedNode } from './node.ts'
import { revive } from './process-faults.ts'

/** Strikes those who lead: a cluster is most itself where its leaders change. */
export const LEADER_FAULTS = [
  'kill-leader',
  'pause-leader',
  'isolate-leader',
  'strand-leader',
  'hunt-leaders',
  'hunt-coordinators'
] as const
export type LeaderFault = (typeof LEADER_FAULTS)[number]

const LASTS: Readonly<Record<LeaderFault, Lasts>> = {
  'kill-leader': [20, 2_000],
  'pause-leader': [100, 4_000],
  'isolate-leader': [200, 4_000],
  'strand-leader': [500, 3_000],
  'hunt-leaders': [300, 4_000],
  'hunt-coordinators': [300, 4_000]
}
/** A stranded leader hears its successor for so long before its disk goes on, slowly at first. */
const HEARS_MS: Lasts = [50, 800]
const SLOW_MS: Lasts = [100, 1_000]
/** How often a hunt looks for new leaders: none may get far unseen. */
const LOOK_MS = 4
/** What a hunted leader has for its first steps. */
const FIRST_STEPS_MS = 40

export function strikeLeader(shell: FaultShell, fault: LeaderFault): void {
  if (fault === 'hunt-leaders' || fault === 'hunt-coordinators') {
    hunt(shell, fault)
    return
  }
  const leaders = [...shell.cluster.nodes].filter(({ life }) => life?.paused === false).flatMap(led)
  if (leaders.length === 0) return
  const { node } = pick(shell.random, leaders)
  switch (fault) {
    case 'kill-leader':
      kill(shell, node)
      return
    case 'pause-leader':
      node.life?.pause(between(shell.random, LASTS[fault]))
      return
    case 'isolate-leader':
      isolate(shell, node)
      return
    case 'strand-leader':
      strand(shell, node)
      return
    default:
      unreachable(fault)
  }
}

/** A node at something that is easily broken off. */
interface Quarry {
  readonly node: SimulatedNode
  /** Never the same again. */
  readonly at: string
}

function led(node: SimulatedNode): Quarry[] {
  const found: Quarry[] = []
  for (const { group, raft } of node.machine?.host.replicas() ?? []) {
    if (raft.isLeader) found.push({ node, at: `${group}/${raft.currentTerm}` })
  }
  return found
}

function kill({ random, later }: FaultShell, node: SimulatedNode): void {
  if (node.machine === undefined) return
  node.kill(random.below(2) === 0)
  later(LASTS['kill-leader'], 'kill-leader', () => revive(node))
}

/** From all other nodes, with some of the clients: they may go on to trust it. */
function isolate({ cluster, random, later }: FaultShell, node: SimulatedNode): void {
  const others = cluster.nodes.filter((other) => other !== node)
  const besides = cluster.clients.filter(() => random.below(2) === 0)
  const away = cluster.clients.filter((client) => !besides.includes(client))
  const heal = cluster.network.cut(namesOf([node, ...besides]), namesOf([...others, ...away]))
  later(LASTS['isolate-leader'], 'isolate-leader', heal)
}

/**
 * From all other nodes, not from clients, while its disk hangs. The disk goes on only when the
 * others have been heard again for a while: they overwrite what the leader of before still waits
 * to see durable.
 */
function strand({ cluster, random, later }: FaultShell, node: SimulatedNode): void {
  const { disk } = node
  const others = cluster.nodes.filter((other) => other !== node)
  const heal = cluster.network.cut([node.name], namesOf(others))
  disk.hangSyncs()
  later(LASTS['strand-leader'], 'strand-leader', () => {
    heal()
    later(HEARS_MS, 'stranded disk', () => {
      disk.syncDelayMs = between(random, SLOW_MS)
      disk.resumeSyncs()
      later(SLOW_MS, 'slow disk', () => {
        disk.syncDelayMs = 0
      })
    })
  })
}

const namesOf = (all: readonly { readonly name: string }[]): string[] => all.map(({ name }) => name)

/** Between the steps of transactions. */
function coordinating(node: SimulatedNode): Quarry[] {
  const { coordinator } = node.machine?.transactions ?? {}
  if (coordinator === undefined || coordinator.running === 0) return []
  return [{ node, at: `${node.life?.name} ${coordinator.counts.started}` }]
}

/**
 * Strikes leaders in their first steps, one after the other: what a term appended then is on few
 * disks or on one, under several terms of several leaders (Raft paper, figure 8). Or coordinators,
 * so that every step of a transaction is the last one now and then.
 */
function hunt(shell: FaultShell, fault: 'hunt-leaders' | 'hunt-coordinators'): void {
  const { cluster, random, later } = shell
  const [find, spared] = fault === 'hunt-leaders' ? [led, 1] : [coordinating, 2]
  const newcomers = (): Quarry[] =>
    cluster.nodes.flatMap(find).filter(({ at }) => !seen.has(at) && seen.add(at))
  const seen = new Set<string>()
  // Those who lead already are past their first steps.
  newcomers()
  let over = false
  const look = (): void => {
    if (over) return
    for (const { node } of newcomers()) {
      if (random.below(3) < spared) continue
      const strike = random.below(2) === 0 ? kill : isolate
      later([0, FIRST_STEPS_MS], 'first steps', () => {
        if (!over) strike(shell, node)
      })
    }
    later([LOOK_MS, LOOK_MS], 'look for leaders', look)
  }
  later(LASTS[fault], fault, () => {
    over = true
  })
  look()
}
