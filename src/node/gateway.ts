import { ClientDriver } from '../client/driver.ts'
import type { Clock, Timers } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import type { InsideTransport } from './inside.ts'

/** Calls from inside this process, HTTP requests included, that wait at once. */
const CALLS_MAX = 10_000

/** The client that lives in a node, over `inside`. */
export function openGateway(
  inside: InsideTransport,
  world: { readonly clock: Clock; readonly timers: Timers; readonly random: Random }
): ClientDriver {
  const random = world.random.fork('gateway')
  const { self } = inside
  const bound = { seeds: [], inFlightMax: CALLS_MAX }
  return new ClientDriver({ ...world, ...bound, transport: inside, random, self })
}
