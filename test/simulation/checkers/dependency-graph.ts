import type { List } from './lists.ts'
import type { Transaction } from './transactions.ts'

/** Kinds of edges, as bits, so that a search takes a set of them. */
export const EDGE = {
  /** Appended before. */
  ww: 1,
  /** Appended what the other read. */
  wr: 2,
  /** Read before the other appended. */
  rw: 4,
  /** Returned before the other was called. */
  time: 8,
  /** As ww and rw, to an append reported as lost. */
  wwLost: 16,
  rwLost: 32,
  /** On from a hub: of the kind by which the hub was entered. */
  on: 64
} as const

/** What an edge is about. */
export interface Why {
  readonly key: string
  /** The element that makes the edge: appended later (ww), read (wr), or not read yet (rw). */
  readonly element: string
  /** Of ww: what stands before it. */
  readonly before?: string
}

/**
 * Who must come before whom. Nodes below `transactions` are places in the history; those above are
 * hubs, which stand for all edges from those that lead to it to those it leads to, so that there
 * are no more edges than reads and appends.
 */
export class DependencyGraph {
  readonly transactions: number
  readonly from: number[] = []
  readonly to: number[] = []
  readonly kinds: number[] = []
  readonly whys: (Why | undefined)[] = []
  nodes: number
  /** The edges from a node are `byFrom[starts[node]]` to `byFrom[starts[node + 1] - 1]`. */
  starts = new Int32Array(0)
  byFrom = new Int32Array(0)

  constructor(transactions: number) {
    this.transactions = transactions
    this.nodes = transactions
  }

  addHub(): number {
    return this.nodes++
  }

  add(from: number, to: number, kind: number, why?: Why): void {
    this.from.push(from)
    this.to.push(to)
    this.kinds.push(kind)
    this.whys.push(why)
  }

  /** After the last edge, before the first search. */
  freeze(): void {
    this.starts = new Int32Array(this.nodes + 1)
    this.byFrom = new Int32Array(this.from.length)
    for (const node of this.from) this.starts[node] = (this.starts[node] as number) + 1
    let end = 0
    for (let node = 0; node <= this.nodes; node++) {
      end += this.starts[node] as number
      this.starts[node] = end
    }
    // From ends to starts, as the places before them are filled.
    for (const [edge, node] of this.from.entries()) {
      const place = (this.starts[node] as number) - 1
      this.starts[node] = place
      this.byFrom[place] = edge
    }
  }
}

/** All edges between the transactions that happened. */
export function dependencies(
  history: readonly Transaction[],
  happened: readonly boolean[],
  lists: Iterable<List>
): DependencyGraph {
  const graph = new DependencyGraph(history.length)
  for (const list of lists) {
    linkSeen(graph, list)
    linkUnseen(graph, list, happened)
  }
  linkTime(graph, history, happened)
  graph.freeze()
  return graph
}

/** Edges of what was read: of the order of the elements, and of where in it each read stands. */
function linkSeen(graph: DependencyGraph, { key, places, bases }: List): void {
  let previous = places[0]
  for (const append of places) {
    if (append === undefined) continue
    if (previous !== undefined && previous.by !== append.by) {
      const why = { key, element: append.element, before: previous.element }
      graph.add(previous.by, append.by, EDGE.ww, why)
    }
    previous = append
  }
  const [last, next] = neighbours(places)
  for (const { by, elements } of bases) {
    const before = last[elements.length]
    const after = next[elements.length]
    if (before !== undefined) graph.add(before.by, by, EDGE.wr, { key, element: before.element })
    // The rest of what was read in part is told of already.
    if (after === undefined || after.by === by || after.by === before?.by) continue
    graph.add(by, after.by, EDGE.rw, { key, element: after.element })
  }
}

/** By length of a beginning: the last append that counts inside it, and the next one after it. */
function neighbours(places: List['places']): readonly [List['places'], List['places']] {
  const last: List['places'] = [undefined]
  for (const [i, append] of places.entries()) last.push(append ?? last[i])
  const next: List['places'] = [undefined]
  for (const [i, append] of places.toReversed().entries()) next.push(append ?? next[i])
  return [last, next.reverse()]
}

/**
 * Lists only grow: what happened and was never read came after all that was. Its order among
 * itself is unknown.
 */
function linkUnseen(graph: DependencyGraph, list: List, happened: readonly boolean[]): void {
  const { key, appends, bases, places } = list
  const last = places.findLast((append) => append !== undefined)
  const unseen = new Map<number, { readonly lost: boolean; readonly why: Why }>()
  for (const { by, seen, lost, element } of appends.values()) {
    if (seen || happened[by] !== true || by === last?.by || unseen.has(by)) continue
    unseen.set(by, { lost, why: { key, element } })
  }
  if (unseen.size === 0) return
  const lastAt = places.lastIndexOf(last)
  const readers = new Set(
    bases.filter(({ elements }) => elements.length > lastAt).map(({ by }) => by)
  )
  // Hubs to those that only append, one for each kind. Of those that read all and append, one
  // stands against the others: two of them are a lost update already.
  const hubs = { rw: graph.addHub(), rwLost: graph.addHub() }
  const both = [...readers].find((by) => unseen.has(by))
  const known = both === undefined ? undefined : unseen.get(both)
  for (const by of readers) {
    graph.add(by, hubs.rw, EDGE.rw)
    graph.add(by, hubs.rwLost, EDGE.rwLost)
    if (both === undefined || known === undefined || by === both) continue
    graph.add(by, both, known.lost ? EDGE.rwLost : EDGE.rw, known.why)
  }
  for (const [by, { lost, why }] of unseen) {
    if (last !== undefined) {
      const order = { ...why, before: last.element }
      graph.add(last.by, by, lost ? EDGE.wwLost : EDGE.ww, order)
    }
    if (!readers.has(by)) graph.add(lost ? hubs.rwLost : hubs.rw, by, EDGE.on, why)
    else if (both !== undefined && by !== both) {
      graph.add(both, by, lost ? EDGE.rwLost : EDGE.rw, why)
    }
  }
}

/**
 * A hub for each time at which somebody returned, in a row: who returned leads to that of its
 * time, and the last one before a call to who called.
 */
function linkTime(
  graph: DependencyGraph,
  history: readonly Transaction[],
  happened: readonly boolean[]
): void {
  const events: { readonly at: number; readonly by: number; readonly isReturn: boolean }[] = []
  for (const [by, { called, returned, outcome }] of history.entries()) {
    if (happened[by] !== true) continue
    events.push({ at: called, by, isReturn: false })
    if (outcome === 'ok') events.push({ at: Number(returned), by, isReturn: true })
  }
  events.sort((a, b) => a.at - b.at || Number(a.isReturn) - Number(b.isReturn))
  let hub: { readonly node: number; readonly at: number } | undefined
  for (const { at, by, isReturn } of events) {
    if (!isReturn) {
      if (hub !== undefined) graph.add(hub.node, by, EDGE.on)
      continue
    }
    if (hub?.at !== at) {
      const node = graph.addHub()
      if (hub !== undefined) graph.add(hub.node, node, EDGE.on)
      hub = { node, at }
    }
    graph.add(by, hub.node, EDGE.time)
  }
}
