import { Gates } from './gates.ts'
import { Line } from './line.ts'

/** Calls of transactions that are out at once: half of what a client may have in flight. */
export const CALLS_AT_ONCE_MAX = 512
/** Calls of transactions that wait for that. */
const CALLS_WAITING_MAX = 65_536

/** How the transactions of one carrier keep out of each other's way. */
export class Turns {
  readonly gates = new Gates()
  readonly line: Line

  constructor(callsAtOnceMax = CALLS_AT_ONCE_MAX) {
    this.line = new Line(callsAtOnceMax, CALLS_WAITING_MAX)
  }
}
