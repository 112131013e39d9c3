import { TableCheck } from '../state/table-check.ts'
import type { Overlay, StateEntry } from '../storage/overlay.ts'
import { Malformed } from '../wire/bytes.ts'
import type { GroupId } from '../wire/ids.ts'
import { UnusableData } from './identity.ts'

const PAGE_ENTRIES = 512

/**
 * Reads the whole durable state of `group` and holds it against the counts and hashes that its last
 * flush left. LevelDB skips damaged blocks of its log without a word (decision 0034): keys would be
 * gone, and nobody would know. About 3 us a record; `done` when it is whole, or there is none.
 */
export function verifyState(
  overlay: Overlay,
  group: GroupId,
  done: () => void,
  fatal: (fault: Error) => void
): void {
  const check = new TableCheck()
  const view = overlay.snapshot(group)
  let any = false
  const read = (after: Uint8Array | undefined): void => {
    view.page(after, PAGE_ENTRIES, (fault, entries) => {
      const problem = fault ?? added(check, entries, any)
      if (problem !== undefined || entries.length === 0) {
        view.release()
        if (problem === undefined) done()
        else fatal(problem instanceof Malformed ? damaged(group, problem) : problem)
        return
      }
      any = true
      read(entries.at(-1)?.[0])
    })
  }
  read(undefined)
}

/** Counts `entries` in; at the end, which has none, asks whether they were all. */
function added(
  check: TableCheck,
  entries: readonly StateEntry[],
  any: boolean
): Malformed | undefined {
  try {
    for (const [key, value] of entries) check.add(key, value)
    if (entries.length === 0 && any) check.finish()
    return undefined
  } catch (error) {
    if (error instanceof Malformed) return error
    throw error
  }
}

/** What an operator reads when the state of `group` cannot be what was written. */
export function damaged(group: GroupId, cause: Malformed): UnusableData {
  return new UnusableData(
    `the state of group ${group} is damaged (${cause.message}): this node will not start on it. ` +
      'Remove it from the cluster and start it with an empty data directory: it rejoins as a ' +
      'new node',
    { cause }
  )
}
