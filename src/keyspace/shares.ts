import { assert } from '../world/assert.ts'

/** A node as the planner sees it; NodeRecord is one. */
export interface PlannedNode {
  readonly id: string
  /** Failure domain; empty: a domain of its own. */
  readonly zone: string
  /** Capacity relative to the others. Default 1. */
  readonly weight?: number
}

export interface Share {
  /** Place of the node's failure domain. */
  readonly zone: number
  /** Replicas it would hold if they could be cut: the average, as far as zones allow. */
  readonly ideal: number
  readonly low: number
  /** Never more than this: the ideal and a tenth. */
  readonly bound: number
}

const OVERLOAD = 1.1
/** Against 1.1 * 10 being a hair more than 11. */
const HAIR = 1e-9

/**
 * What each node should hold of `partitions` times `replicas`. The replicas of a partition are
 * dealt to zones in turn, so that with enough zones no two share one. A zone too small for its part
 * by weight therefore holds what it must, and the others share the rest: zones go before evenness.
 */
export function sharesOf(
  nodes: readonly PlannedNode[],
  partitions: number,
  replicas: number
): readonly Share[] {
  assert(replicas <= nodes.length, `${replicas} replicas on ${nodes.length} nodes`)
  const weightOf = (node: number): number => nodes[node]?.weight ?? 1
  const zones = zonesOf(nodes)
  const rounds = roundsOfDealing(zones, replicas)
  const zoneShares = pour(
    partitions * replicas,
    zones.map((members) => ({
      weight: sum(members.map(weightOf)),
      least: partitions * Math.min(members.length, rounds - 1),
      most: partitions * Math.min(members.length, rounds)
    }))
  )
  const shares: Share[] = []
  for (const [zone, members] of zones.entries()) {
    const vessels = members.map((node) => ({ weight: weightOf(node), least: 0, most: partitions }))
    const parts = pour(zoneShares[zone] as number, vessels)
    for (const [i, node] of members.entries()) {
      const ideal = parts[i] as number
      const bound = Math.min(partitions, Math.ceil(ideal * OVERLOAD - HAIR))
      shares[node] = { zone, ideal, low: Math.floor(ideal + HAIR), bound }
    }
  }
  return shares
}

function zonesOf(nodes: readonly PlannedNode[]): readonly number[][] {
  const zones = new Map<string, number[]>()
  for (const [i, { id, zone }] of nodes.entries()) {
    const name = zone === '' ? `node ${id}` : `zone ${zone}`
    const members = zones.get(name)
    if (members === undefined) zones.set(name, [i])
    else members.push(i)
  }
  return [...zones.values()]
}

/** How often zones are dealt to until a partition has its replicas: once, if there are enough. */
function roundsOfDealing(zones: readonly number[][], replicas: number): number {
  for (let rounds = 1; ; rounds++) {
    if (sum(zones.map((members) => Math.min(members.length, rounds))) >= replicas) return rounds
  }
}

interface Vessel {
  readonly weight: number
  readonly least: number
  readonly most: number
}

/** Enough halvings to tell neighbouring numbers apart. */
const HALVINGS = 100

/** Shares `total` out by weight, each within its bounds. Requires: the bounds allow it. */
function pour(total: number, vessels: readonly Vessel[]): readonly number[] {
  const at = (level: number): readonly number[] =>
    vessels.map(({ weight, least, most }) => Math.min(most, Math.max(least, level * weight)))
  let low = 0
  let high = Math.max(...vessels.map(({ weight, most }) => most / weight))
  for (let i = 0; i < HALVINGS; i++) {
    const level = (low + high) / 2
    if (sum(at(level)) < total) low = level
    else high = level
  }
  return at(high)
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
