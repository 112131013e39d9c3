import type { Code, RoutingCode } from '../wire/failure.ts'
import type { Random } from '../world/random.ts'

const FIRST_MS = 20
const MAX_MS = 500

/**
 * How long to wait after `attempt` failures in a row (0: the first): doubling from 20 ms to 500 ms,
 * the upper half of it by chance, so that callers who failed together do not come back together.
 */
export function backOff(attempt: number, random: Random): number {
  const whole = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(attempt, 10))
  return whole / 2 + random.below(whole / 2 + 1)
}

/**
 * What a refusal asks of the sender:
 * - `elsewhere`: this node is not the one.
 * - `refresh`: fetch the map, then again.
 * - `later`: the same again, after a wait.
 * - `shed`: nothing more of that kind to this node for a while; its caller hears at once.
 * - `told`: it does not change soon; its caller hears at once.
 * - `renumber`: only in a new session.
 * - `stop`: no repetition helps.
 */
export type Verdict = 'elsewhere' | 'refresh' | 'later' | 'shed' | 'told' | 'renumber' | 'stop'

const VERDICTS: Partial<Record<Code | RoutingCode, Verdict>> = {
  not_leader: 'elsewhere',
  wrong_cluster: 'elsewhere',
  unavailable: 'told',
  // A node that shuts down refuses with it.
  closed: 'elsewhere',
  wrong_epoch: 'refresh',
  overloaded: 'shed',
  timeout: 'later',
  session_expired: 'renumber'
}

export function verdict(code: Code | RoutingCode | ''): Verdict {
  return (code === '' ? undefined : VERDICTS[code]) ?? 'stop'
}
