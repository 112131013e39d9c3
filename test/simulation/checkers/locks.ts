/** A grant, as its holder knows of it. Times in ms, all by one clock. */
export interface Tenure {
  readonly lock: string
  readonly owner: string
  readonly shared: boolean
  /** Undefined: it was granted at once. */
  readonly ticket: number | undefined
  readonly token: number
  /** When the acquire was sent, and when its holder heard of the grant. */
  readonly called: number
  readonly heard: number
  /** Nobody else may hold it before: it was given up, or its lease ran out. */
  until: number
  /** When its holder was told that it is lost; undefined: never. */
  lostAt: number | undefined
  /** It was given up by its holder, who sent so at this time. */
  releasedAt: number | undefined
}

/** An append to a guarded list, by read and fenced write. */
export interface Append {
  readonly element: string
  readonly token: number
  /** `unknown`: it may be there. */
  readonly outcome: 'ok' | 'failed' | 'unknown'
}

/** What is wrong with the grants of locks, in words. */
export function checkTenures(tenures: readonly Tenure[]): string[] {
  const byLock = new Map<string, Tenure[]>()
  for (const tenure of tenures) {
    const known = byLock.get(tenure.lock)
    if (known === undefined) byLock.set(tenure.lock, [tenure])
    else known.push(tenure)
  }
  return [...byLock.values()].flatMap((all) => [
    ...doubledIn(all),
    ...disorderIn(all),
    ...overlapsIn(all),
    ...lostIn(all)
  ])
}

const told = ({ owner, token }: Tenure): string => `${owner} (token ${token})`

/** One grant for each acquire, one token for each grant. */
function doubledIn(tenures: readonly Tenure[]): string[] {
  const byToken = new Map<number, Tenure>()
  const byOwner = new Map<string, Tenure>()
  return tenures.flatMap((tenure) => {
    const sameToken = byToken.get(tenure.token)
    const sameOwner = byOwner.get(tenure.owner)
    byToken.set(tenure.token, tenure)
    byOwner.set(tenure.owner, tenure)
    if (sameToken !== undefined) return [`${told(sameToken)} and ${told(tenure)} have one token`]
    if (sameOwner !== undefined) return [`${told(tenure)} was granted ${sameOwner.token} before`]
    return []
  })
}

/** Tokens follow the queue, and real time. */
function disorderIn(tenures: readonly Tenure[]): string[] {
  return tenures.flatMap((later) =>
    tenures.flatMap((earlier) => {
      if (earlier.token < later.token || earlier === later) return []
      const isBehind =
        earlier.ticket !== undefined && later.ticket !== undefined && earlier.ticket < later.ticket
      if (isBehind) return [`${told(later)} came behind ${told(earlier)}, and was granted before`]
      if (earlier.heard < later.called) {
        return [`${told(later)} asked after ${told(earlier)} was granted, and has the lower token`]
      }
      return []
    })
  )
}

/** By their own leases, no two hold a lock at once that do not share it. */
function overlapsIn(tenures: readonly Tenure[]): string[] {
  return tenures.flatMap((one, i) =>
    tenures.slice(i + 1).flatMap((other) => {
      if (one.shared && other.shared) return []
      const from = Math.max(one.heard, other.heard)
      const until = Math.min(one.until, other.until)
      return from < until ? [`${told(one)} and ${told(other)} both hold it at ${from}`] : []
    })
  )
}

function lostIn(tenures: readonly Tenure[]): string[] {
  return tenures.flatMap((tenure) => {
    const { lostAt, until, releasedAt } = tenure
    if (lostAt === undefined || releasedAt !== undefined || lostAt >= until) return []
    return [`${told(tenure)} lost at ${lostAt} what it held until ${until}`]
  })
}

/** What is wrong with a guarded list that reads `elements` in the end. */
export function checkGuarded(elements: readonly string[], appends: readonly Append[]): string[] {
  const wrongs: string[] = []
  const asked = new Map(appends.map((append) => [append.element, append]))
  let last = 0
  for (const [i, element] of elements.entries()) {
    const append = asked.get(element)
    if (append === undefined) wrongs.push(`${element} is of nobody`)
    else if (append.outcome === 'failed') wrongs.push(`${element} is there, and was refused`)
    if (elements.indexOf(element) !== i) wrongs.push(`${element} is there twice`)
    const token = append?.token ?? last
    if (token < last) wrongs.push(`${element}, of token ${token}, stands behind token ${last}`)
    last = Math.max(last, token)
  }
  const there = new Set(elements)
  for (const { element, outcome } of appends) {
    if (outcome === 'ok' && !there.has(element)) wrongs.push(`${element} was written and is lost`)
  }
  return wrongs
}
