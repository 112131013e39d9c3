import type { Random } from '../../src/world/random.ts'
import { Accounts } from './accounts.ts'
import type { Caller } from './callers.ts'
import { Fates } from './fates.ts'
import { Lists } from './lists.ts'
import { Tallies } from './tallies.ts'

/** Transactions over any keys: lists, accounts and tallies, and questions what became of some. */
export class Ledgers {
  readonly #random: Random
  readonly #fates: Fates
  readonly #lists: Lists
  readonly #accounts: Accounts
  readonly #tallies: Tallies

  constructor(prefix: string, random: Random) {
    this.#random = random
    this.#fates = new Fates(random)
    this.#lists = new Lists(`${prefix}/list`, random, this.#fates)
    this.#accounts = new Accounts(`${prefix}/account`, random, this.#fates)
    this.#tallies = new Tallies(`${prefix}/tally`, random, this.#fates)
  }

  /** Told at once; what was found out later is in the answers. */
  get counts(): Fates['told'] {
    return this.#fates.told
  }

  /** What was answered to those who asked what became of a transaction. */
  get answers(): Fates['answers'] {
    return this.#fates.answers
  }

  get lists(): Lists['history'] {
    return this.#lists.history
  }

  /** Makes one transaction; returns its code. */
  async one(caller: Caller): Promise<string> {
    const drawn = this.#random.below(12)
    if (drawn < 1 && (await this.#fates.one(caller))) return ''
    if (drawn < 6) return this.#lists.one(caller)
    return drawn < 10 ? this.#accounts.one(caller) : this.#tallies.one(caller)
  }

  /**
   * Learns what became of every transaction, and reads everything once more; returns what is not
   * to be had. What is learned before the last read must be seen by it.
   */
  async settle(caller: Caller): Promise<string[]> {
    const ills: string[] = []
    for (const part of [this.#fates, this.#lists, this.#accounts, this.#tallies]) {
      ills.push(...(await part.settle(caller)))
    }
    return ills
  }

  /** Requires: settled. Returns what is wrong. */
  check(): string[] {
    const parts = [this.#fates, this.#lists, this.#accounts, this.#tallies]
    return parts.flatMap((part) => part.check())
  }
}
