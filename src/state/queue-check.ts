import { Malformed } from '../wire/bytes.ts'
import { hashItem, Multiset } from './hash.ts'
import { REPEAT_PREFIX, repeatKey, repeatSlotNumber } from './layout.ts'
import { decodeBounds, decodeRemembered, decodeSlot, NO_BOUNDS } from './repeats.ts'

const NOTHING = new Uint8Array(0)

/**
 * Whether records of idempotency keys and their queue are whole: each key has one slot, and the
 * slots have the numbers that the bounds say. The state machine goes by that without looking.
 */
export class QueueCheck {
  #bounds = NO_BOUNDS
  #slots = 0
  #lowest = Number.POSITIVE_INFINITY
  #highest = Number.NEGATIVE_INFINITY
  /** Keys that slots speak of, less those that there are. */
  readonly #keys = new Multiset()

  /** Throws Malformed. Requires: no key twice. */
  add(key: Uint8Array, value: Uint8Array): void {
    if (key[0] === REPEAT_PREFIX[0]) {
      decodeRemembered(value)
      this.#keys.remove(hashItem(key, NOTHING, 0))
    } else if (key.length === 1) this.#bounds = decodeBounds(value)
    else {
      const number = repeatSlotNumber(key)
      this.#keys.add(hashItem(repeatKey(decodeSlot(value).key), NOTHING, 0))
      this.#slots++
      this.#lowest = Math.min(this.#lowest, number)
      this.#highest = Math.max(this.#highest, number)
    }
  }

  /** Throws Malformed. */
  finish(): void {
    const { first, next } = this.#bounds
    const isFull = this.#slots === 0 || (this.#lowest === first && this.#highest === next - 1)
    if (this.#slots !== next - first || !isFull || !this.#keys.equals(new Multiset())) {
      throw new Malformed('the queue of idempotency keys has holes')
    }
  }
}
