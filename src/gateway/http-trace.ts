import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { TRACE_HEADER, traceIn } from './trace.ts'

const TRACE = Symbol('trace')
const TRACE_BYTES = 16

type Traced = IncomingMessage & { [TRACE]?: string }

/**
 * Finds by what name the caller follows `request`, and has the answer repeat it. `always`: a
 * request without a name gets one.
 */
export function beginTrace(request: FastifyRequest, reply: FastifyReply, always: boolean): void {
  const trace = traceIn(request.headers)
  if (trace !== '') name(request, reply, trace)
  else if (always) needTrace(request, reply)
}

/** Empty: nobody follows it. */
export function traceOf(request: FastifyRequest): string {
  return (request.raw as Traced)[TRACE] ?? ''
}

/** The same for what will stand in a log: it needs a name that its caller can tell. */
export function needTrace(request: FastifyRequest, reply: FastifyReply): string {
  const known = traceOf(request)
  if (known !== '') return known
  const bytes = crypto.getRandomValues(Buffer.allocUnsafe(TRACE_BYTES))
  return name(request, reply, bytes.toString('hex'))
}

function name(request: FastifyRequest, reply: FastifyReply, trace: string): string {
  ;(request.raw as Traced)[TRACE] = trace
  reply.header(TRACE_HEADER, trace)
  return trace
}
