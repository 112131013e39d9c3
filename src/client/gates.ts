import { assert } from '../world/assert.ts'

/** `sole`: nobody else may use the key meanwhile; `shared`: others who share it may. */
export type Use = 'sole' | 'shared'

/** What somebody is about to use, by name of the key. */
export type Uses = ReadonlyMap<string, Use>

/** A place at the gates of some keys. */
export interface Pass {
  /** Whether all of them are open for it. */
  readonly isIn: boolean
  /** Gives the place up, wherever it is. May be called again. */
  leave(): void
}

/** Who waits beyond so many goes on without: gates only save vain attempts. */
const WAITING_MAX = 16_384

/** Not shared: it has no place anywhere. */
const FREE: Pass = { isIn: true, leave: () => {} }

/** Those at one key, in the order they came; the first `inside` of them are in there. */
interface Gate {
  readonly tickets: Set<Ticket>
  inside: number
  /** Of those inside. */
  use: Use
}

class Ticket implements Pass {
  readonly uses: Uses
  readonly onTurn: () => void
  /** Keys at which it is not inside. */
  readonly closed = new Set<string>()
  readonly #leave: (ticket: Ticket) => void
  isOver = false

  constructor(uses: Uses, onTurn: () => void, leave: (ticket: Ticket) => void) {
    this.uses = uses
    this.onTurn = onTurn
    this.#leave = leave
  }

  get isIn(): boolean {
    return this.closed.size === 0
  }

  leave(): void {
    if (this.isOver) return
    this.isOver = true
    this.#leave(this)
  }
}

/**
 * Lets those through one after another who would stand in each other's way. Each takes its place at
 * all of its keys at once, so that of any two that meet somewhere the same one is first everywhere:
 * nobody overtakes, and nobody waits in a circle. What nobody uses takes no memory.
 */
export class Gates {
  readonly #gates = new Map<string, Gate>()
  readonly #waitingMax: number
  #waiting = 0
  /** In there now, and not told yet. */
  readonly #called: Ticket[] = []
  #isCalling = false

  constructor(waitingMax = WAITING_MAX) {
    this.#waitingMax = waitingMax
  }

  /** Keys that somebody uses or waits for. */
  get size(): number {
    return this.#gates.size
  }

  /** Whether somebody with these uses would be in at once. */
  areOpen(uses: Uses): boolean {
    for (const [key, use] of uses) {
      const gate = this.#gates.get(key)
      if (gate !== undefined && !admits(gate, use)) return false
    }
    return true
  }

  /** If it is not in at once `onTurn` tells when it is: later, and never after it left. */
  enter(uses: Uses, onTurn: () => void): Pass {
    if (this.#waiting >= this.#waitingMax && !this.areOpen(uses)) return FREE
    const ticket = new Ticket(uses, onTurn, (left) => this.#leave(left))
    for (const [key, use] of uses) {
      const gate = this.#at(key)
      if (admits(gate, use)) admit(gate, use)
      else ticket.closed.add(key)
      gate.tickets.add(ticket)
    }
    if (!ticket.isIn) this.#waiting++
    return ticket
  }

  #at(key: string): Gate {
    let gate = this.#gates.get(key)
    if (gate === undefined) {
      gate = { tickets: new Set(), inside: 0, use: 'shared' }
      this.#gates.set(key, gate)
    }
    return gate
  }

  #leave(ticket: Ticket): void {
    if (!ticket.isIn) this.#waiting--
    for (const key of ticket.uses.keys()) {
      const gate = this.#gates.get(key)
      assert(gate !== undefined, 'a ticket stands at a gate')
      gate.tickets.delete(ticket)
      if (!ticket.closed.has(key)) gate.inside--
      if (gate.tickets.size === 0) this.#gates.delete(key)
      else this.#open(key, gate)
    }
    this.#call()
  }

  /** Lets in whoever may follow those inside. */
  #open(key: string, gate: Gate): void {
    if (gate.tickets.size === gate.inside) return
    // A sole one that waits is behind those inside.
    if (gate.inside > 0 && gate.use === 'sole') return
    let place = 0
    for (const ticket of gate.tickets) {
      if (place++ < gate.inside) continue
      const use = ticket.uses.get(key) ?? 'sole'
      if (gate.inside > 0 && (use === 'sole' || gate.use === 'sole')) return
      admit(gate, use)
      ticket.closed.delete(key)
      if (!ticket.isIn) continue
      this.#waiting--
      this.#called.push(ticket)
    }
  }

  /** One after another, also when one that is called leaves at once: no recursion for each. */
  #call(): void {
    if (this.#isCalling) return
    this.#isCalling = true
    for (let next = this.#called.shift(); next !== undefined; next = this.#called.shift()) {
      if (!next.isOver) next.onTurn()
    }
    this.#isCalling = false
  }
}

/** Whether one that comes now would be inside. */
function admits(gate: Gate, use: Use): boolean {
  if (gate.tickets.size > gate.inside) return false
  return gate.inside === 0 || (use === 'shared' && gate.use === 'shared')
}

function admit(gate: Gate, use: Use): void {
  gate.inside++
  gate.use = use
}
