import type { Logger } from '../world/log.ts'

/** What is said of something that lasts: once when it begins, now and then, and when it ends. */
export interface ConditionText {
  readonly begins: string
  readonly ends: string
  /** It must have held so long before it is told. Default 0. */
  readonly afterMs?: number
  /** It must not have held for so long before its end is told. Default 3,000. */
  readonly calmMs?: number
}

const CALM_MS = 3_000
const REMINDER_MS = 60_000

/** Turns a state that is looked at again and again into few lines of the log. */
export class Condition {
  readonly #logger: Logger
  readonly #text: ConditionText
  #since: number | undefined
  #seenAt = 0
  #toldAt: number | undefined

  constructor(logger: Logger, text: ConditionText) {
    this.#logger = logger
    this.#text = text
  }

  look(now: number, holds: boolean, fields: () => Readonly<Record<string, unknown>>): void {
    if (holds) this.#holds(now, fields)
    else this.#holdsNot(now)
  }

  #holds(now: number, fields: () => Readonly<Record<string, unknown>>): void {
    const { begins, afterMs = 0 } = this.#text
    this.#since ??= now
    this.#seenAt = now
    const forMs = Math.round(now - this.#since)
    const due = this.#toldAt === undefined ? forMs >= afterMs : now - this.#toldAt >= REMINDER_MS
    if (!due) return
    this.#toldAt = now
    this.#logger.log('warn', begins, { ...fields(), forMs })
  }

  #holdsNot(now: number): void {
    const { ends, calmMs = CALM_MS } = this.#text
    if (this.#since === undefined || now - this.#seenAt < calmMs) return
    const forMs = Math.round(this.#seenAt - this.#since)
    if (this.#toldAt !== undefined) this.#logger.log('info', ends, { forMs })
    this.#since = undefined
    this.#toldAt = undefined
  }
}
