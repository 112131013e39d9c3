import type { Anomaly, AnomalyKind, Cyclic, Shape } from './anomaly.ts'
import { CycleSearch, components } from './cycles.ts'
import { type DependencyGraph, dependencies, EDGE, type Why } from './dependency-graph.ts'
import { Lists } from './lists.ts'
import { describeTransaction, type Transaction } from './transactions.ts'

/** Of a store that keeps no promise a few say as much as all. */
const CYCLES_MAX = 50

const ORDER = EDGE.ww | EDGE.wwLost
const MISSED = EDGE.rw | EDGE.rwLost

/**
 * Edges to look at, from the plainest fault to the finest. A lost append is told of apart, so in
 * time it explains nothing more.
 */
const RUNGS: readonly number[] = [
  ORDER,
  ORDER | EDGE.wr,
  ORDER | EDGE.wr | MISSED,
  EDGE.time | EDGE.ww,
  EDGE.time | EDGE.ww | EDGE.wr,
  EDGE.time | EDGE.ww | EDGE.wr | EDGE.rw
]

/** One transaction before another, and why. */
interface Link {
  readonly from: number
  readonly to: number
  readonly kind: number
  readonly why: Why | undefined
}

/**
 * Whether transactions over lists are strictly serializable, after Elle (Kingsbury and Alvaro,
 * arXiv 2003.10554). Elements are unique and lists only grow, so reads show in which order they
 * came; that, what each read saw and missed, and real time say who must come before whom, and an
 * order of all exists just when that has no cycle. Linear in what was read and appended.
 *
 * Single keys beside transactions need no check of their own: with one step each, this is
 * linearizability, of all keys at once.
 */
export function checkListAppend(history: readonly Transaction[]): Anomaly[] {
  const { anomalies, happened, byKey } = new Lists(history)
  const graph = dependencies(history, happened, byKey.values())
  return [...anomalies, ...cyclesOf(graph, history)]
}

function cyclesOf(graph: DependencyGraph, history: readonly Transaction[]): Anomaly[] {
  const found: Anomaly[] = []
  if (components(graph, RUNGS.reduce((all, rung) => all | rung) | EDGE.on).length === 0) return []
  const search = new CycleSearch(graph)
  /** What is on a cycle, and needs no finer one. */
  const told = new Set<number>()
  for (const kinds of RUNGS) {
    for (const component of components(graph, kinds | EDGE.on)) {
      if (component.some((node) => told.has(node))) continue
      for (const node of component) told.add(node)
      const edges = search.shortest(component, kinds, kinds & MISSED)
      found.push(describeCycle(linksOf(graph, edges), history))
      if (found.length === CYCLES_MAX) return found
    }
  }
  return found
}

/** Ways over hubs made one link each. */
function linksOf(graph: DependencyGraph, edges: readonly number[]): Link[] {
  const links: Link[] = []
  let first: number | undefined
  for (const edge of edges) {
    first ??= edge
    const to = graph.to[edge] as number
    if (to >= graph.transactions) continue
    const [from, kind] = [graph.from[first] as number, graph.kinds[first] as number]
    links.push({ from, to, kind, why: graph.whys[edge] })
    first = undefined
  }
  return links
}

function describeCycle(links: readonly Link[], history: readonly Transaction[]): Anomaly {
  const shape = shapeOf(links)
  const kind = kindOf(links, shape)
  const name = (by: number): string => describeTransaction(history[by] as Transaction)
  const lines = links.map((link) => `  ${name(link.from)} ${edgeWords(link, name(link.to))}`)
  return {
    kind,
    ...(shape === undefined ? {} : { shape }),
    transactions: links.map(({ from }) => history[from] as Transaction),
    message: [`${kind}${shape === undefined ? '' : `, ${shape}`}:`, ...lines].join('\n')
  }
}

function edgeWords({ kind, why }: Link, other: string): string {
  if (why === undefined) return `returned before ${other} was called`
  const { key, element, before } = why
  if (kind === EDGE.wr) return `appended ${element} to ${key}, and ${other} saw it`
  if ((kind & MISSED) !== 0) return `read ${key} without ${element}, which ${other} appended`
  return `appended ${before} to ${key} before ${element}, which ${other} appended`
}

function kindOf(links: readonly Link[], shape: Shape | undefined): AnomalyKind {
  const count = (kinds: number): number => links.filter(({ kind }) => (kind & kinds) !== 0).length
  const missed = count(MISSED)
  let kind: Cyclic = missed === 0 ? 'G0' : missed === 1 ? 'G-single' : 'G2-item'
  if (missed === 0 && count(EDGE.wr) > 0) kind = 'G1c'
  // Who read the last of a list and appends to it also appends after whoever else does.
  if (shape === 'lost update') kind = 'G-single'
  return count(EDGE.time) > 0 ? `${kind}-realtime` : kind
}

function shapeOf(links: readonly Link[]): Shape | undefined {
  const pattern = links.map(({ kind }) => letterOf(kind)).join('')
  const keys = new Set(links.map(({ why }) => why?.key))
  if (/^[mw]*m[mw]*$/.test(pattern) && keys.size === 1) return 'lost update'
  if (pattern === 'mm') return 'write skew'
  if (/^(mrmr|rmrm)$/.test(pattern) && keys.size === 2) return 'long fork'
  if (/^(mt|tm)$/.test(pattern)) return 'stale read'
  return /^(trm|rmt|mtr)$/.test(pattern) ? 'causal reverse' : undefined
}

/** Written before, read, missed, or time. */
function letterOf(kind: number): 'w' | 'r' | 'm' | 't' {
  if ((kind & ORDER) !== 0) return 'w'
  if ((kind & MISSED) !== 0) return 'm'
  return kind === EDGE.wr ? 'r' : 't'
}
