/** A change as the state machines told it, or as a watcher was shown it. */
export interface SeenChange {
  readonly position: number
  readonly place: number
  readonly key: string
  readonly revision: number
  /** Undefined: gone. */
  readonly value: string | undefined
  readonly expired: boolean
}

/** All changes of each group that are committed, in the order of apply. */
export type Committed = ReadonlyMap<number, readonly SeenChange[]>

/** What a watcher was shown of one group. */
export interface Shown {
  readonly group: number
  /** It began behind this position. */
  readonly from: number
  /** What it was shown, over all its lives. */
  readonly changes: readonly SeenChange[]
  /** Its last cursor: all up to this position was told, and of the next so many. */
  readonly upTo: number
  readonly partly: number
}

/** One watch, from its beginning to a cursor of it, resumed as often as it liked. */
export interface WatchRun {
  readonly name: string
  readonly watches: (key: string) => boolean
  readonly shown: readonly Shown[]
}

const told = ({ position, place, key, revision, value, expired }: SeenChange): string => {
  const what = value === undefined ? (expired ? 'expired' : 'deleted') : `= ${value}`
  return `${position}.${place} ${key} ${what} (${revision})`
}

/**
 * What is wrong with a watch, in words: changes that it missed, was shown twice, in another order,
 * or that never were; revisions of a key that do not rise.
 */
export function checkWatch({ name, watches, shown }: WatchRun, committed: Committed): string[] {
  return shown.flatMap((one) => {
    const { group, from, changes, upTo, partly } = one
    const wanted = (committed.get(group) ?? []).filter(({ position, place, key }) => {
      const isTold = position <= upTo || (position === upTo + 1 && place < partly)
      return watches(key) && position > from && isTold
    })
    const where = `${name}, group ${group}`
    return [...differences(where, wanted, changes), ...backwards(where, changes)]
  })
}

function differences(
  where: string,
  wanted: readonly SeenChange[],
  shown: readonly SeenChange[]
): string[] {
  for (let i = 0; i < Math.max(wanted.length, shown.length); i++) {
    const is = shown[i]
    const want = wanted[i]
    if (is === undefined && want !== undefined) return [`${where}: missed ${told(want)}`]
    if (is === undefined || (want !== undefined && told(is) === told(want))) continue
    return [`${where}: ${faultOf(is, want, wanted, shown.slice(0, i))}`]
  }
  return []
}

function faultOf(
  is: SeenChange,
  want: SeenChange | undefined,
  wanted: readonly SeenChange[],
  before: readonly SeenChange[]
): string {
  const text = told(is)
  if (before.some((one) => told(one) === text)) return `shown twice: ${text}`
  if (!wanted.some((one) => told(one) === text)) return `shown what it was not to be: ${text}`
  return `shown ${text} where ${want === undefined ? 'nothing' : told(want)} was next`
}

function backwards(where: string, changes: readonly SeenChange[]): string[] {
  const last = new Map<string, number>()
  for (const change of changes) {
    const { key, revision } = change
    if (revision <= (last.get(key) ?? 0)) {
      return [`${where}: the revision of ${key} does not rise: ${told(change)}`]
    }
    last.set(key, revision)
  }
  return []
}
