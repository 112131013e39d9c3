import fc from 'fast-check'
import { expect } from 'vitest'

// KEYMESH_FUZZ=50 makes fifty times the runs of `npm test`, of a seed drawn by chance;
// KEYMESH_FUZZ_SEED and KEYMESH_FUZZ_PATH replay what a failure told.
const { KEYMESH_FUZZ, KEYMESH_FUZZ_SEED, KEYMESH_FUZZ_PATH } = process.env

/** One case of old is looked at: what is true of many need not be of it. */
export const isReplay = KEYMESH_FUZZ_PATH !== undefined

/** The same cases in each `npm test`: whoever broke something sees it, and nobody else. */
const SEED = 20_260_801

function parameters(runs: number): fc.Parameters<unknown> {
  const drawn = KEYMESH_FUZZ === undefined ? SEED : undefined
  const seed = KEYMESH_FUZZ_SEED === undefined ? drawn : Number(KEYMESH_FUZZ_SEED)
  return {
    numRuns: Math.ceil(runs * Number(KEYMESH_FUZZ ?? 1)),
    ...(seed === undefined ? {} : { seed }),
    ...(KEYMESH_FUZZ_PATH === undefined ? {} : { path: KEYMESH_FUZZ_PATH }),
    // What was found first is told, rather than what the shortest of it is.
    interruptAfterTimeLimit: 40_000 * Number(KEYMESH_FUZZ ?? 1),
    markInterruptAsFailure: false
  }
}

/** Checks `property` on `runs` cases. A failure tells how to replay it. */
export async function fuzz<T>(runs: number, property: fc.IRawProperty<T>): Promise<void> {
  const details = await fc.check(property, parameters(runs) as fc.Parameters<T>)
  if (!details.failed) return
  const { testPath = '', currentTestName = '' } = expect.getState()
  const replay = [
    `KEYMESH_FUZZ_SEED=${details.seed} KEYMESH_FUZZ_PATH=${details.counterexamplePath ?? ''}`,
    `npx vitest run --project fuzz ${testPath.split('/').at(-1)} -t '${currentTestName}'`
  ].join(' ')
  const message = (await fc.asyncDefaultReportMessage(details)) ?? ''
  throw new Error(`${message}\n\nreplay: ${replay}`, { cause: details.errorInstance })
}
