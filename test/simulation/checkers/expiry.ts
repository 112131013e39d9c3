/** A key that was put once, with a ttl, for sure. Times in ms, all by one clock. */
export interface Mortal {
  readonly key: string
  readonly session: string
  readonly ttlMs: number
  readonly called: number
  readonly returned: number
}

/** A read of such a key that was answered. */
export interface MortalRead {
  readonly key: string
  readonly session: string
  readonly consistency: 'strong' | 'session'
  readonly called: number
  readonly returned: number
  readonly isThere: boolean
}

/** Clocks show whole ms, and a group's time may come from one that was rounded the other way. */
const LAG_MS_MAX = 2

/**
 * What is wrong, in words: keys that came back after they were gone, for everybody or for who saw
 * it; keys that were gone before their ttl was over, and keys that outlive it. `isTimeRight`: all
 * clocks went right all the time, and only then a ttl can be held against time.
 */
export function checkExpiry(
  mortals: readonly Mortal[],
  reads: readonly MortalRead[],
  isTimeRight: boolean
): string[] {
  const byKey = new Map<string, MortalRead[]>()
  for (const read of reads) {
    const known = byKey.get(read.key)
    if (known === undefined) byKey.set(read.key, [read])
    else known.push(read)
  }
  return mortals.flatMap((mortal) => wrongsOf(mortal, byKey.get(mortal.key) ?? [], isTimeRight))
}

function wrongsOf(mortal: Mortal, reads: readonly MortalRead[], isTimeRight: boolean): string[] {
  const strong = reads.filter(({ consistency }) => consistency === 'strong')
  const wrongs = returnsOf(mortal, strong, mortal.returned)
  for (const session of new Set(reads.map((read) => read.session))) {
    const own = reads.filter((read) => read.session === session)
    wrongs.push(...returnsOf(mortal, own, knownSince(mortal, own, session)))
  }
  if (!isTimeRight) return wrongs
  const { key, called, returned, ttlMs } = mortal
  for (const read of strong) {
    if (!read.isThere && read.called > returned && read.returned < called + ttlMs) {
      wrongs.push(`${key}, put at ${called} for ${ttlMs} ms, is gone at ${read.returned}`)
    }
    if (read.isThere && read.called > returned + ttlMs + LAG_MS_MAX) {
      wrongs.push(`${key}, put by ${returned} for ${ttlMs} ms, is there at ${read.called}`)
    }
  }
  return wrongs
}

/** When a session first knew that the key was there; before that it may have missed it. */
function knownSince(mortal: Mortal, own: readonly MortalRead[], session: string): number {
  const seen = own.filter(({ isThere }) => isThere).map(({ returned }) => returned)
  if (mortal.session === session) seen.push(mortal.returned)
  return Math.min(...seen)
}

/** `known`: from then on the key is missing only because it has expired. */
function returnsOf({ key }: Mortal, reads: readonly MortalRead[], known: number): string[] {
  const gone = reads.filter(({ isThere, called }) => !isThere && called > known)
  const since = Math.min(...gone.map(({ returned }) => returned))
  return reads
    .filter(({ isThere, called }) => isThere && called > since)
    .map(({ session, consistency, called }) => {
      return `${key}, gone at ${since}, is back at ${called}: ${session}, ${consistency}`
    })
}
