import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { CODES, failure } from '../wire/failure.ts'
import type { CallName } from './api.ts'
import type { Calls } from './calls.ts'
import { plainCallOf } from './http-asked.ts'
import type { Guard } from './http-auth.ts'
import { problemOf } from './problem.ts'
import { TRACE_HEADER, traceIn } from './trace.ts'

const ADMITTED = Symbol('admitted')

type Judged = IncomingMessage & { [ADMITTED]?: true }

/** A refusal is the same for all, so it is made once. */
const REFUSAL = refusal(`the node that serves this has too much to do. ${CODES.overloaded.advice}`)

export interface ShedShell {
  readonly calls: () => Calls
  readonly guard: Guard
  /** `call` was refused. */
  readonly refused: (call: CallName) => void
}

/**
 * Refuses what would be refused anyway, while nodes have too much to do, before anything else looks
 * at it: that takes a third of the time, and it is the time of requests that could be served. What
 * needs a closer look, or another answer, goes on.
 */
export class Shed {
  readonly #shell: ShedShell

  constructor(shell: ShedShell) {
    this.#shell = shell
  }

  /** Whether `request` was refused, and is answered. */
  refuses(request: IncomingMessage, response: ServerResponse): boolean {
    const calls = this.#shell.calls()
    if (calls.isShedding?.() !== true) return false
    const asked = plainCallOf(request)
    const { headers, url = '' } = request
    if (asked === undefined || !isPlain(headers)) return false
    if (this.#shell.guard(headers, url) !== undefined) return false
    const { call, kind, key } = asked
    if ((calls.shedMs?.(kind, key) ?? 0) === 0) {
      ;(request as Judged)[ADMITTED] = true
      return false
    }
    const trace = traceIn(headers)
    response.writeHead(429, trace === '' ? REFUSAL.head : [...REFUSAL.head, TRACE_HEADER, trace])
    response.end(REFUSAL.body)
    this.#shell.refused(call)
    return true
  }
}

/**
 * Whether it was judged already and may go on: a second throw of the dice would refuse too many.
 */
export function isAdmitted(request: IncomingMessage): boolean {
  return (request as Judged)[ADMITTED] === true
}

/**
 * A repeated request may have been done before, and an answer about a session repeats its token:
 * others know how.
 */
function isPlain(headers: IncomingHttpHeaders): boolean {
  return (
    headers.host !== undefined &&
    headers.expect === undefined &&
    headers['idempotency-key'] === undefined &&
    headers['keymesh-session'] === undefined
  )
}

function refusal(message: string) {
  const { headers, body } = problemOf(failure('overloaded', message))
  const text = JSON.stringify(body)
  const type = ['content-type', 'application/json; charset=utf-8']
  const length = ['content-length', String(Buffer.byteLength(text))]
  return { head: [...Object.entries(headers).flat(), ...type, ...length], body: text }
}
