/** What was reached since somebody began to watch; undefined while nobody does: always, outside. */
let reached: Set<string> | undefined

/**
 * Marks a path that is taken seldom and has to be right all the same. The simulation tells which
 * marks none of its runs came by: what no fault ever led to was not tested by faults. `name` is a
 * literal that no other mark has: the room, a colon, and what happens there.
 *
 * Nobody can tell a marked function from one that is not, so marks may stand in pure rooms. They
 * never stand on the way of a plain put or get; where they do, and nobody watches, they cost one
 * comparison.
 */
export function sometimes(name: string): void {
  reached?.add(name)
}

/** From now on marks are noted, in what is returned; those who watched before see no more. */
export function watchMarks(): ReadonlySet<string> {
  const marks = new Set<string>()
  reached = marks
  return marks
}
