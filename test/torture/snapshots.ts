import { setTimeout as wait } from 'node:timers/promises'
import type { Caller } from './callers.ts'
import type { Ran } from './transactors.ts'

const PAUSE_MS = 200
/** Of one that is taken sooner or later; seconds, unless the machine is busy. */
const TAKEN_MS_MAX = 120_000

export const snapshotOnce = ({ transactor }: Caller, keys: readonly string[]): Promise<Ran> =>
  transactor.snapshot(keys)

/** Asks again and again until it is answered. Requires: a whole cluster. */
export async function insistOnSnapshot(caller: Caller, keys: readonly string[]): Promise<Ran> {
  const end = performance.now() + TAKEN_MS_MAX
  for (;;) {
    const ran = await snapshotOnce(caller, keys)
    if (ran.outcome === 'committed' || performance.now() > end) return ran
    await wait(PAUSE_MS)
  }
}
