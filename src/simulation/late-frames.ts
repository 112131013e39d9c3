import { concatBytes } from '../wire/bytes.ts'
import { operationTypeOf } from '../wire/command.ts'
import { decodeFrame, FRAME } from '../wire/frame.ts'
import { decodeRequest, encodeRequest } from '../wire/request-codec.ts'

/**
 * What must be right whatever life it is of: it carries terms, nonces or numbers that are never
 * used again. A link promises that of the rest: requests and answers, above all.
 */
const RETOLD: ReadonlySet<number> = new Set([
  FRAME.raft,
  FRAME.confirm,
  FRAME.confirmReply,
  FRAME.freshness,
  FRAME.freshnessReply,
  FRAME.snapshot
])
/**
 * Requests that are safe at any time, too (docs/transactions.md): whoever sends them again does so
 * by other numbers than those a link has in use.
 */
const RETOLD_OPERATIONS: ReadonlySet<string | undefined> = new Set(['prepare', 'resolve', 'abort'])
const LATE_ID = 2 ** 40

export interface LateCopy {
  readonly frame: Uint8Array
  /**
   * Also when all faults are over. What replicas tell each other is not: who led once in this term
   * seems to lead on as long as that comes, and nobody else is chosen.
   */
  readonly mayDisturbCalm: boolean
}

/** What may come of `frame` long after it; undefined: nothing. */
export function lateCopy(frame: Uint8Array): LateCopy | undefined {
  const { kind, head, body } = decodeFrame(frame)
  if (RETOLD.has(kind)) return { frame, mayDisturbCalm: false }
  if (kind !== FRAME.request) return undefined
  const request = decodeRequest(head, body)
  const isSafe = request.kind === 'mutate' && RETOLD_OPERATIONS.has(operationTypeOf(request.body))
  if (!isSafe) return undefined
  const renumbered = encodeRequest({ ...request, id: request.id + LATE_ID })
  return { frame: concatBytes(renumbered), mayDisturbCalm: true }
}
