import { assert } from '../world/assert.ts'

/** A place in a line. */
export interface Place {
  readonly isIn: boolean
  /** Requires: called once. */
  leave(): void
}

class Waiting implements Place {
  readonly onTurn: () => void
  readonly #leave: (place: Waiting) => void
  isIn = false
  #isOver = false

  constructor(onTurn: () => void, leave: (place: Waiting) => void) {
    this.onTurn = onTurn
    this.#leave = leave
  }

  leave(): void {
    assert(!this.#isOver, 'a place in line is left once')
    this.#isOver = true
    this.#leave(this)
  }
}

/** At most so many at once, the others in the order they came. */
export class Line {
  readonly insideMax: number
  readonly #waitingMax: number
  readonly #waiting = new Set<Waiting>()
  #inside = 0
  #isCalling = false

  constructor(insideMax: number, waitingMax: number) {
    this.insideMax = insideMax
    this.#waitingMax = waitingMax
  }

  /** Neither in nor left. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * If it is not in at once `onTurn` tells when it is: later, and never after it left. Undefined:
   * too many wait already.
   */
  enter(onTurn: () => void): Place | undefined {
    const isFull = this.#inside >= this.insideMax || this.#waiting.size > 0
    if (isFull && this.#waiting.size >= this.#waitingMax) return undefined
    const place = new Waiting(onTurn, (left) => this.#leave(left))
    if (isFull) this.#waiting.add(place)
    else this.#admit(place)
    return place
  }

  #admit(place: Waiting): void {
    place.isIn = true
    this.#inside++
  }

  #leave(place: Waiting): void {
    if (place.isIn) this.#inside--
    else this.#waiting.delete(place)
    this.#call()
  }

  /** One after another, also when one that is called leaves at once: no recursion for each. */
  #call(): void {
    if (this.#isCalling) return
    this.#isCalling = true
    while (this.#inside < this.insideMax) {
      const [next] = this.#waiting
      if (next === undefined) break
      this.#waiting.delete(next)
      this.#admit(next)
      next.onTurn()
    }
    this.#isCalling = false
  }
}
