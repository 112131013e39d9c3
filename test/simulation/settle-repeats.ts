import type { CallOutcome } from '../../src/client/inputs.ts'
import type { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { Violation } from '../../src/simulation/violation.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import type { Caller } from './callers.ts'
import { settle } from './liveness.ts'

/** Requests under idempotency keys, of which some have no answer yet. */
export interface Repeats {
  /** Whether every fate is known; asks again where it is not. */
  readonly isSettled: boolean
  /** What `check` wants the last values of. */
  readonly keys: readonly string[]
  /** Throws Violation. */
  check(read: (key: string) => Uint8Array | undefined): void
}

/** Asks until all is known, then holds it against what is stored. Requires: a calm cluster. */
export function settleRepeats(
  cluster: SimulatedCluster,
  caller: Caller,
  repeats: Repeats,
  timeoutMs: number
): void {
  // Transactions are asked for one after the other, each until its fate is known and once more.
  settle(cluster, timeoutMs * 15, () =>
    repeats.isSettled ? undefined : 'what became of repeated requests is not known'
  )
  const { keys } = repeats
  const outcomes = new Map<string, CallOutcome | undefined>()
  for (const name of keys) {
    const operation = { kind: 'get', key: utf8(name), consistency: 'strong' } as const
    const keep = (outcome?: CallOutcome): void => void outcomes.set(name, outcome)
    caller.call(operation, timeoutMs, keep, keep)
  }
  cluster.runTo(timeoutMs * 2, () => outcomes.size === keys.length)
  repeats.check((name) => {
    const outcome = outcomes.get(name)
    if (outcome?.ok && outcome.kind === 'get') return outcome.record?.value
    throw new Violation(`${name} cannot be read on a calm cluster`)
  })
}
