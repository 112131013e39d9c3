/** One try to add an element. No element is ever removed; several may try to add the same one. */
export interface Add {
  readonly client: string
  readonly element: string
  readonly called: number
  /** Undefined only if the outcome is unknown. */
  readonly returned: number | undefined
  /** See Outcome of linearizable.ts. */
  readonly outcome: 'ok' | 'failed' | 'unknown'
}

/** One read of the set that was answered. */
export interface SetRead {
  readonly client: string
  readonly called: number
  readonly returned: number
  /** In the order they were shown. */
  readonly elements: readonly string[]
  /** Which ones were looked for; undefined: all. */
  readonly asked?: ReadonlySet<string>
}

/**
 * How the set is kept. `keys`: a key for each element, so that a read looks at each at a moment of
 * its own. `list`: one value that holds them all in the order in which they were added.
 */
export type SetKind = 'keys' | 'list'

/** What is wrong, in words, each by its kind. */
export interface SetVerdict {
  /** Added for sure, or seen, and in no read any more. */
  readonly lost: readonly string[]
  /** Added for sure, or seen, then missing from a read, and there again. */
  readonly stale: readonly string[]
  /** Shown, though nobody had tried to add it by then, or its add failed. */
  readonly phantom: readonly string[]
  /** Shown twice by one read. */
  readonly doubled: readonly string[]
  /** Lists that agree on no order, or on one that real time forbids. */
  readonly disordered: readonly string[]
  /** Added for sure, and nobody looked since: of these elements nothing was shown. Not wrong. */
  readonly neverRead: readonly string[]
}

/**
 * Whether a set that only grows kept what was added (Jepsen's `set-full`, in our words). A read may
 * miss what was not sure to be there when it was called, and show what somebody was adding before
 * it returned; what one read showed, all later ones show.
 */
export function checkSet(
  adds: readonly Add[],
  reads: readonly SetRead[],
  kind: SetKind
): SetVerdict {
  const tried = triedBy(adds)
  const shown = reads.map(({ elements }) => new Set(elements))
  const verdict = { lost: [], stale: [], neverRead: [] } as Record<
    'lost' | 'stale' | 'neverRead',
    string[]
  >
  for (const element of new Set([...tried.keys(), ...reads.flatMap((read) => read.elements)])) {
    const judged = judge(element, tried.get(element) ?? [], reads, shown)
    if (judged !== undefined) verdict[judged.kind].push(judged.what)
  }
  return {
    ...verdict,
    phantom: reads.flatMap((read) => phantoms(read, tried)),
    doubled: reads.flatMap(doubled),
    disordered: kind === 'list' ? disorder(reads, tried) : []
  }
}

/** All that is wrong, in words; what was never read is not. */
export function wrongOf({ neverRead: _, ...verdict }: SetVerdict): string[] {
  return Object.entries(verdict).flatMap(([kind, found]: [string, readonly string[]]) =>
    found.map((what) => `${kind}: ${what}`)
  )
}

function triedBy(adds: readonly Add[]): Map<string, Add[]> {
  const tried = new Map<string, Add[]>()
  for (const add of adds) {
    const others = tried.get(add.element)
    if (others === undefined) tried.set(add.element, [add])
    else others.push(add)
  }
  return tried
}

/** What became of one element. */
function judge(
  element: string,
  adds: readonly Add[],
  reads: readonly SetRead[],
  shown: readonly ReadonlySet<string>[]
): { readonly kind: 'lost' | 'stale' | 'neverRead'; readonly what: string } | undefined {
  const sure = Math.min(...adds.filter(({ outcome }) => outcome === 'ok').map(returnedAt))
  const seen = Math.min(
    ...reads.filter((_, i) => shown[i]?.has(element)).map(({ returned }) => returned)
  )
  const known = Math.min(sure, seen)
  if (known === Number.POSITIVE_INFINITY) return undefined
  const later = reads.filter(({ called, asked }) => called > known && asked?.has(element) !== false)
  const missing = later.filter((read) => !shown[reads.indexOf(read)]?.has(element))
  const last = missing.reduce<SetRead | undefined>(
    (latest, read) => (latest !== undefined && latest.called >= read.called ? latest : read),
    undefined
  )
  if (last === undefined) {
    const isUnread = later.length === 0 && seen === Number.POSITIVE_INFINITY
    return isUnread ? { kind: 'neverRead', what: element } : undefined
  }
  const again = reads.some((read, i) => shown[i]?.has(element) && read.returned >= last.called)
  const told = sure <= seen ? 'acknowledged' : 'seen'
  return {
    kind: again ? 'stale' : 'lost',
    what: `${element}, ${told} at ${known}, is missing from ${describe(last)}`
  }
}

function phantoms(read: SetRead, tried: ReadonlyMap<string, readonly Add[]>): string[] {
  const explains = ({ outcome, called }: Add): boolean =>
    outcome !== 'failed' && called <= read.returned
  return read.elements
    .filter((element) => tried.get(element)?.some(explains) !== true)
    .map((element) => `${describe(read)} shows ${element}`)
}

function doubled(read: SetRead): string[] {
  const twice = read.elements.filter((element, i) => read.elements.indexOf(element) !== i)
  return [...new Set(twice)].map((element) => `${describe(read)} shows ${element} twice`)
}

/**
 * A list only grows at its end: of any two reads one shows the beginning of the other. And what was
 * added before another was even called stands before it.
 */
function disorder(reads: readonly SetRead[], tried: ReadonlyMap<string, readonly Add[]>): string[] {
  const wrong: string[] = []
  const byLength = [...reads].sort((a, b) => a.elements.length - b.elements.length)
  for (const [i, read] of byLength.entries()) {
    const longer = byLength[i + 1]
    const at = read.elements.findIndex((element, place) => longer?.elements[place] !== element)
    if (longer !== undefined && at >= 0) {
      wrong.push(`${describe(read)} and ${describe(longer)} differ at ${at}`)
    }
  }
  const last = byLength.at(-1)
  let sooner = Number.POSITIVE_INFINITY
  for (const element of [...(last?.elements ?? [])].reverse()) {
    const adds = tried.get(element) ?? []
    const called = Math.min(...adds.map((add) => add.called))
    if (called > sooner) wrong.push(`${element} stands before what was there when it was called`)
    sooner = Math.min(sooner, ...adds.filter(({ outcome }) => outcome === 'ok').map(returnedAt))
  }
  return wrong
}

const returnedAt = ({ returned }: Add): number => returned ?? Number.POSITIVE_INFINITY

const describe = ({ client, called, returned }: SetRead): string =>
  `the read of ${client} [${called}, ${returned}]`
