import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Failure, failure } from '../wire/failure.ts'
import { unreachable } from '../world/assert.ts'
import { realClock } from '../world/real.ts'
import { type Body, type BodyLimits, BodyReader } from './http-body.ts'
import { fail, guarded, keepSession } from './http-caller.ts'

/** Bodies being read or waiting for their answer, over all callers. */
const BODIES_BYTES_MAX = 64 * 1024 * 1024

/** Bodies of requests, and the answers to those that did not come as they should. */
export class Bodies {
  readonly #reader = new BodyReader(BODIES_BYTES_MAX)

  /**
   * Hands `use` the body and the ms that are left of the timeout. The body counts as inside until
   * the answer left or the caller hung up.
   */
  read(
    request: FastifyRequest,
    reply: FastifyReply,
    limits: BodyLimits,
    use: (bytes: Uint8Array, leftMs: number) => void
  ): void {
    const { timeoutMs } = limits
    const began = realClock.monotonic()
    this.#reader.read(request.raw, limits, (body: Body) => {
      if (body.type === 'bytes') {
        const { length } = body.bytes
        if (length > 0) reply.raw.on('close', () => this.#reader.settle(length))
        const spent = length === 0 ? 0 : Math.floor(realClock.monotonic() - began)
        guarded(reply, () => use(body.bytes, Math.max(1, timeoutMs - spent)))
      } else if (body.type === 'cut-off') {
        reply.hijack()
      } else {
        keepSession(reply)
        fail(reply, withoutBody(body.type, limits))
      }
    })
  }
}

function withoutBody(
  why: 'too-large' | 'overloaded' | 'late',
  { bytesMax, timeoutMs }: BodyLimits
): Failure {
  switch (why) {
    case 'too-large':
      return failure('too_large', `the body is over ${bytesMax} bytes`)
    case 'overloaded':
      return failure('overloaded', 'this node is receiving too many bytes at once')
    case 'late':
      return failure('unavailable', `the body did not come within ${timeoutMs} ms`)
    default:
      return unreachable(why)
  }
}
