/** A protocol as the states it can be in. States are plain data and never change. */
export interface Model<State> {
  readonly initial: State
  /** Two states with one key are the same state. */
  key(state: State): string
  /** Calls `to` for each step that can be taken next, with what it is. */
  steps(state: State, to: (label: string, next: State) => void): void
  /** What is wrong with `state`; empty: nothing. */
  broken(state: State): readonly string[]
  /** What a search that proves anything must have come across. */
  marks(state: State): readonly string[]
}

export interface Explored {
  readonly states: number
  /** What was found wrong, each with the shortest way there. */
  readonly found: ReadonlyMap<string, readonly string[]>
  /** How many states bore each mark. */
  readonly marks: ReadonlyMap<string, number>
}

interface Way {
  readonly from: string | undefined
  readonly label: string
}

/**
 * Every state that can be reached, breadth first, so that the way to what is wrong is a shortest
 * one. Throws beyond `statesMax`: a search that was not finished proves nothing.
 */
export function explore<State>(model: Model<State>, statesMax = 2_000_000): Explored {
  const ways = new Map<string, Way>()
  const found = new Map<string, readonly string[]>()
  const marks = new Map<string, number>()
  let layer: [string, State][] = []
  const reach = (state: State, way: Way, into: [string, State][]): void => {
    const key = model.key(state)
    if (ways.has(key)) return
    if (ways.size >= statesMax) throw new Error(`more than ${statesMax} states`)
    ways.set(key, way)
    into.push([key, state])
    for (const mark of model.marks(state)) marks.set(mark, (marks.get(mark) ?? 0) + 1)
    for (const what of model.broken(state)) if (!found.has(what)) found.set(what, path(ways, key))
  }
  reach(model.initial, { from: undefined, label: '' }, layer)
  while (layer.length > 0) {
    const next: [string, State][] = []
    for (const [from, state] of layer) {
      model.steps(state, (label, after) => reach(after, { from, label }, next))
    }
    layer = next
  }
  return { states: ways.size, found, marks }
}

function path(ways: ReadonlyMap<string, Way>, to: string): readonly string[] {
  const labels: string[] = []
  let way = ways.get(to)
  while (way?.from !== undefined) {
    labels.push(way.label)
    way = ways.get(way.from)
  }
  return labels.reverse()
}
