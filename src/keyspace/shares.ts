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
 * What each node should hold of `partitions` times `replicas`. Replicas of a partition stand in as many
 * zones as there are, so a zone takes at most one of each partition when there are enough zones (else
 * the fewest that make up the number). A zone too small for its part by weight therefore holds what
 * it must, and the rest is shared out over the others: zones go before evenness.
 */
export function sharesOf(
  nodes: readonly PlannedNode[],
  partitions: number,
  replicas: number
): readonly Share[] {
  assert(replicas <= nodes.length, `${replicas} replicas on ${nodes.length} nodes`)
  const zones = zonesOf(nodes)
  const perZone = fewestPerZone(zones, replicas)
  const zoneShares = pour(
    partitions * replicas,
    zones.map((members) => ({
      weight: sum(members.map((node) => nodes[node]?.weight ?? 1)),
      room: partitions * Math.min(members.length, perZone)
    }))
  )
  const shares: Share[] = []
  for (const [zone, members] of zones.entries()) {
    const parts = pour(
      zoneShares[zone] as number,
      members.map((node) => ({ weight: nodes[node]?.weight ?? 1, room: partitions }))
    )
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

function fewestPerZone(zones: readonly number[][], replicas: number): number {
  for (let most = 1; ; most++) {
    if (sum(zones.map((members) => Math.min(members.length, most))) >= replicas) return most
  }
}

/** Shares `total` out by weight, none above its room. Requires: the rooms hold it. */
function pour(
  total: number,
  vessels: readonly { readonly weight: number; readonly room: number }[]
): readonly number[] {
  const parts: number[] = vessels.map(() => 0)
  let open = vessels.map((_, i) => i)
  let rest = total
  while (open.length > 0) {
    const weights = sum(open.map((i) => vessels[i]?.weight ?? 0))
    const fits = (i: number): boolean => {
      const { weight, room } = vessels[i] as { weight: number; room: number }
      return (rest * weight) / weights <= room + HAIR
    }
    const full = open.filter((i) => !fits(i))
    if (full.length === 0) {
      for (const i of open) parts[i] = (rest * (vessels[i]?.weight ?? 0)) / weights
      return parts
    }
    for (const i of full) parts[i] = vessels[i]?.room ?? 0
    rest -= sum(full.map((i) => vessels[i]?.room ?? 0))
    open = open.filter((i) => !full.includes(i))
  }
  return parts
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
