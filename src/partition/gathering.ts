import type { Index } from '../raft/types.ts'
import type { Answer } from '../state/state-machine.ts'
import type { Blocker } from '../state/transactions.ts'
import { sometimes } from '../world/sometimes.ts'
import { type Answered, type Asker, commandAnswer } from './answer.ts'

interface Gathered {
  readonly bytes: Uint8Array
  readonly asker: Asker
}

/** Commands that came in one turn, to be proposed as one entry. */
export class Gathering {
  #gathered: Gathered[] = []
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  add(bytes: Uint8Array, asker: Asker): void {
    this.#gathered.push({ bytes, asker })
    this.#bytes += bytes.length
  }

  /** What came since the last call from those who still wait; undefined: nothing. */
  take(now: number): Taken | undefined {
    if (this.#gathered.length === 0) return undefined
    const waiting = this.#gathered.filter(({ asker }) => !asker.isOver(now))
    this.#gathered = []
    this.#bytes = 0
    if (waiting.length > 0) return new Taken(waiting)
    sometimes('partition: nobody waits any more for what was to be proposed')
    return undefined
  }
}

/** The commands of one entry, and those who wait for their answers: each hears exactly one. */
export class Taken {
  readonly #gathered: readonly Gathered[]

  constructor(gathered: readonly Gathered[]) {
    this.#gathered = gathered
  }

  get commands(): readonly Uint8Array[] {
    return this.#gathered.map(({ bytes }) => bytes)
  }

  /**
   * The entry was applied at `index`; `answers` are in the order of the commands. Who is blocked
   * goes to `blocked` instead, with the command.
   */
  answer(
    index: Index,
    answers: readonly Answer[],
    blocked: (by: Blocker, command: Uint8Array, asker: Asker) => void
  ): void {
    for (const [i, { bytes, asker }] of this.#gathered.entries()) {
      const answer = answers[i] as Answer
      if (answer.type === 'blocked') blocked(answer.by, bytes, asker)
      else asker.respond(commandAnswer(index, answer))
    }
  }

  answerAll(answer: Answered): void {
    for (const { asker } of this.#gathered) asker.respond(answer)
  }
}
