import { type DependencyGraph, EDGE } from './dependency-graph.ts'

/** Edges looked at for the shortest cycle of one component; one search is always finished. */
const EDGES_SEARCHED_MAX = 2_000_000

/**
 * Strongly connected components of more than one node, over edges of `kinds` (Tarjan 1972, with a
 * stack of its own: histories are longer than the one of calls is deep).
 */
export function components(graph: DependencyGraph, kinds: number): number[][] {
  const { starts, byFrom, to, nodes } = graph
  const entered = new Int32Array(nodes)
  const low = new Int32Array(nodes)
  const next = starts.slice(0, nodes)
  const found: number[][] = []
  /** Entered, and in no component yet. */
  const open: number[] = []
  const path: number[] = []
  let count = 0
  const enter = (node: number): void => {
    entered[node] = low[node] = ++count
    open.push(node)
    path.push(node)
  }
  const CLOSED = nodes + 1
  for (let root = 0; root < nodes; root++) {
    if (entered[root] === 0) enter(root)
    while (path.length > 0) {
      const node = path.at(-1) as number
      const at = next[node] as number
      if (at < (starts[node + 1] as number)) {
        next[node] = at + 1
        const edge = byFrom[at] as number
        const target = to[edge] as number
        if (((graph.kinds[edge] as number) & kinds) === 0) continue
        if (entered[target] === 0) enter(target)
        else low[node] = Math.min(low[node] as number, entered[target] as number)
        continue
      }
      path.pop()
      const parent = path.at(-1)
      if (parent !== undefined) low[parent] = Math.min(low[parent] as number, low[node] as number)
      if (low[node] !== entered[node]) continue
      const component = open.splice(open.lastIndexOf(node))
      for (const one of component) {
        entered[one] = CLOSED
        low[one] = CLOSED
      }
      if (component.length > 1) found.push(component)
    }
  }
  return found
}

/** Shortest paths and cycles inside one component at a time. */
export class CycleSearch {
  readonly #graph: DependencyGraph
  readonly #inside: Uint8Array
  readonly #met: Int32Array
  /** The edge by which a node was met. */
  readonly #metBy: Int32Array
  #searches = 0
  #edgesLeft = 0

  constructor(graph: DependencyGraph) {
    this.#graph = graph
    this.#inside = new Uint8Array(graph.nodes)
    this.#met = new Int32Array(graph.nodes)
    this.#metBy = new Int32Array(graph.nodes)
  }

  /**
   * The edges of the shortest cycle in `component` over `kinds`: with just one edge of `once`, if
   * there is one.
   */
  shortest(component: readonly number[], kinds: number, once: number): readonly number[] {
    for (const node of component) this.#inside[node] = 1
    const single = this.#shortestWith(component, kinds & ~once, once)
    const found = single ?? this.#shortestAny(component, kinds)
    for (const node of component) this.#inside[node] = 0
    if (found === undefined) throw new Error('a component without a cycle')
    return found
  }

  /** Of cycles of one edge of `once` and else of `kinds` only. */
  #shortestWith(
    component: readonly number[],
    kinds: number,
    once: number
  ): readonly number[] | undefined {
    let best: readonly number[] | undefined
    let lengthMax = Number.POSITIVE_INFINITY
    this.#edgesLeft = EDGES_SEARCHED_MAX
    for (const from of component) {
      for (const edge of this.#edgesFrom(from, once)) {
        if (this.#edgesLeft < 0) return best
        const first = this.#graph.to[edge] as number
        const own = this.#isHub(first) ? 0 : 1
        const rest = this.#path(first, from, { kinds, lengthMax: lengthMax - own })
        if (rest === undefined) continue
        best = [edge, ...rest.edges]
        lengthMax = rest.length + own - 1
      }
    }
    return best
  }

  #shortestAny(component: readonly number[], kinds: number): readonly number[] | undefined {
    let best: readonly number[] | undefined
    let lengthMax = Number.POSITIVE_INFINITY
    this.#edgesLeft = EDGES_SEARCHED_MAX
    for (const node of component) {
      if (this.#isHub(node)) continue
      if (this.#edgesLeft < 0 && best !== undefined) return best
      const cycle = this.#path(node, node, { kinds, lengthMax })
      if (cycle === undefined) continue
      best = cycle.edges
      lengthMax = cycle.length - 1
    }
    return best
  }

  /**
   * Breadth first; the length is that in transactions. Only edges into transactions count, so that
   * all hubs between two of them lie on the level of the first.
   */
  #path(
    from: number,
    to: number,
    { kinds, lengthMax }: { readonly kinds: number; readonly lengthMax: number }
  ): { readonly edges: readonly number[]; readonly length: number } | undefined {
    this.#searches++
    let level = [from]
    for (let length = 1; level.length > 0 && length <= lengthMax; length++) {
      const below: number[] = []
      // Grows: by hubs.
      for (const node of level) {
        for (const edge of this.#edgesFrom(node, kinds | EDGE.on)) {
          const target = this.#graph.to[edge] as number
          if (this.#inside[target] === 0 || this.#met[target] === this.#searches) continue
          this.#met[target] = this.#searches
          this.#metBy[target] = edge
          if (target === to) return { edges: this.#back(from, to), length }
          if (this.#isHub(target)) level.push(target)
          else below.push(target)
        }
      }
      level = below
    }
    return undefined
  }

  #back(from: number, to: number): number[] {
    const edges: number[] = []
    let node = to
    do {
      const edge = this.#metBy[node] as number
      edges.push(edge)
      node = this.#graph.from[edge] as number
    } while (node !== from)
    return edges.reverse()
  }

  *#edgesFrom(node: number, kinds: number): Generator<number> {
    const { starts, byFrom } = this.#graph
    for (let i = starts[node] as number; i < (starts[node + 1] as number); i++) {
      const edge = byFrom[i] as number
      this.#edgesLeft--
      if (((this.#graph.kinds[edge] as number) & kinds) !== 0) yield edge
    }
  }

  #isHub(node: number): boolean {
    return node >= this.#graph.transactions
  }
}
