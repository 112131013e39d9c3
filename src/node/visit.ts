import { type Answered, type Asker, rejected } from '../partition/answer.ts'
import type { PeerId } from '../transport/transport.ts'
import { CODES } from '../wire/failure.ts'
import type { Request } from '../wire/request.ts'

/** Where an answer goes. */
export type Respond = (answer: Answered) => void

/** Who counts the visits. */
export interface VisitShell {
  /** Called once for each visit, before its answer is sent. */
  left(visit: Visit, answer: Answered): void
}

/** What is known of a request when it comes in at `now`, on the monotonic clock. */
export interface Arrival {
  readonly from: PeerId
  readonly request: Request
  readonly respond: Respond
  readonly now: number
}

/** So many bytes to forward, encrypt, log and send twice take as long as a small request. */
const BYTES_AS_MUCH = 16 * 1024
/** Of its time; who has waited for longer would hardly be answered before its deadline. */
const WAIT_SHARE_MAX = 0.7

/**
 * A request inside a node, from its admission to its answer. It leaves with its answer, when its
 * deadline passes, or when its sender gives it up; a mutation that was proposed stays to its end,
 * for its entry is in memory as long.
 */
export class Visit implements Asker {
  readonly from: PeerId
  readonly id: number
  readonly bytes: number
  /** What it takes of a turn, in small requests. */
  readonly weight: number
  readonly request: Request
  /** When it came in. */
  readonly at: number
  readonly #shell: VisitShell
  readonly #isRead: boolean
  readonly #deadline: number
  /** Undefined: it has left. */
  #respond: Respond | undefined
  #isGivenUp = false

  constructor(shell: VisitShell, { from, request, respond, now }: Arrival) {
    this.#shell = shell
    this.from = from
    this.id = request.id
    this.request = request
    this.at = now
    this.#isRead = request.kind !== 'mutate'
    this.bytes = request.body.length
    this.weight = 1 + Math.floor(this.bytes / BYTES_AS_MUCH)
    this.#deadline = now + request.timeoutMs
    this.#respond = respond
  }

  /** Nobody will read its answer. */
  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  get isAnswered(): boolean {
    return this.#respond === undefined
  }

  respond(answer: Answered): void {
    const respond = this.#respond
    if (respond === undefined) return
    this.#respond = undefined
    this.#shell.left(this, answer)
    if (!this.#isGivenUp) respond(answer)
  }

  /** Refuses it, if it waited for so long that it would hardly be served in time. */
  giveWay(now: number): void {
    if (this.isOver(now) || now - this.at < WAIT_SHARE_MAX * this.request.timeoutMs) return
    this.respond(rejected('overloaded', `it waited in line too long. ${CODES.overloaded.advice}`))
  }

  isOver(now: number): boolean {
    if (this.#respond === undefined) return true
    if (!this.#isGivenUp && now < this.#deadline) return false
    this.respond(rejected('timeout', 'its deadline passed before it was begun'))
    return true
  }

  /** A read leaves at once; a mutation when it is about to be proposed, or with its answer. */
  giveUp(now: number): void {
    this.#isGivenUp = true
    if (this.#isRead) this.isOver(now)
  }
}
