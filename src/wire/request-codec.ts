import { Malformed } from './bytes.ts'
import { CODES, type Code, type RoutingCode } from './failure.ts'
import { asChoice, asHexId, asInteger, asText, asTuple } from './fields.ts'
import { encodeFrame, FRAME } from './frame.ts'
import { TIMEOUT_MS_MAX } from './limits.ts'
import type { Consistency, Reply, ReplyOutcome, Request, RequestKind } from './request.ts'

/** Closed unions travel as their index here: append, never reorder. */
const KINDS: readonly RequestKind[] = [
  'get',
  'mutate',
  'basis',
  'map',
  'outcome',
  'lock',
  'await-grant',
  'scan',
  'watch',
  'position'
]
const CONSISTENCIES: readonly Consistency[] = ['strong', 'session', 'eventual']
const OUTCOMES: readonly ReplyOutcome[] = ['ok', 'rejected', 'unknown']

const ROUTING_CODES: Readonly<Record<RoutingCode, true>> = {
  not_leader: true,
  wrong_epoch: true,
  session_expired: true,
  stale_request: true,
  wrong_cluster: true
}

const GROUP_MAX = 0xffff_ffff
const CODE_LENGTH_MAX = 64
const MESSAGE_LENGTH_MAX = 4_096
const PRINCIPAL_LENGTH_MAX = 256
const TRACE_LENGTH_MAX = 128
const NODE_ID_LENGTH_MAX = 128

const REQUEST_FIELDS = 11
const REPLY_FIELDS = 9

/**
 * Head: [1, id, kind, clusterId, group, epoch, timeoutMs, consistency, minApplied, principal,
 * trace]. `clusterId` is empty in a client's first `map` request: it learns the id from the answer.
 */
export function encodeRequest(request: Request): readonly Uint8Array[] {
  const head = [
    FRAME.request,
    request.id,
    KINDS.indexOf(request.kind),
    request.clusterId,
    request.group,
    request.epoch,
    request.timeoutMs,
    CONSISTENCIES.indexOf(request.consistency),
    request.minApplied,
    request.principal,
    request.trace
  ]
  return encodeFrame(head, request.body.length === 0 ? [] : [request.body])
}

/** Throws Malformed. What the body must be for each kind is checked by whoever reads it. */
export function decodeRequest(head: readonly unknown[], body: Uint8Array): Request {
  const [kind, ...fields] = asTuple(head, REQUEST_FIELDS)
  if (kind !== FRAME.request) throw new Malformed('not a request')
  const clusterId = fields[2]
  return {
    id: asInteger(fields[0]),
    kind: asChoice(fields[1], KINDS),
    clusterId: clusterId === '' ? '' : asHexId(clusterId),
    group: asInteger(fields[3], 0, GROUP_MAX),
    epoch: asInteger(fields[4]),
    timeoutMs: asInteger(fields[5], 0, TIMEOUT_MS_MAX),
    consistency: asChoice(fields[6], CONSISTENCIES),
    minApplied: asInteger(fields[7]),
    principal: asText(fields[8], PRINCIPAL_LENGTH_MAX),
    trace: asText(fields[9], TRACE_LENGTH_MAX),
    body
  }
}

/** Head: [2, id, outcome, code, message, applied, leader, epoch, waitMs]. */
export function encodeReply(reply: Reply): readonly Uint8Array[] {
  const head = [
    FRAME.reply,
    reply.id,
    OUTCOMES.indexOf(reply.outcome),
    reply.code,
    reply.message.slice(0, MESSAGE_LENGTH_MAX),
    reply.applied,
    reply.leader,
    reply.epoch,
    reply.waitMs
  ]
  return encodeFrame(head, reply.body.length === 0 ? [] : [reply.body])
}

/** Throws Malformed. */
export function decodeReply(head: readonly unknown[], body: Uint8Array): Reply {
  const [kind, ...fields] = asTuple(head, REPLY_FIELDS)
  if (kind !== FRAME.reply) throw new Malformed('not a reply')
  const outcome = asChoice(fields[1], OUTCOMES)
  const code = asCode(fields[2])
  if ((outcome === 'ok') !== (code === '')) throw new Malformed('outcome and code disagree')
  return {
    id: asInteger(fields[0]),
    outcome,
    code,
    message: asText(fields[3], MESSAGE_LENGTH_MAX),
    applied: asInteger(fields[4]),
    leader: asText(fields[5], NODE_ID_LENGTH_MAX),
    epoch: asInteger(fields[6]),
    waitMs: asInteger(fields[7]),
    body
  }
}

/**
 * Head: [3, id]. The sender no longer waits for that request: it gets no answer, and is dropped if
 * it has done nothing yet. An effect is not undone.
 */
export function encodeCancel(id: number): readonly Uint8Array[] {
  return encodeFrame([FRAME.cancel, id])
}

/** The id of the request that is given up. Throws Malformed. */
export function decodeCancel(head: readonly unknown[], body: Uint8Array): number {
  const [kind, id] = asTuple(head, 2)
  if (kind !== FRAME.cancel || body.length > 0) throw new Malformed('not a cancel')
  return asInteger(id)
}

function asCode(value: unknown): Code | RoutingCode | '' {
  const text = asText(value, CODE_LENGTH_MAX)
  if (text === '' || Object.hasOwn(CODES, text) || Object.hasOwn(ROUTING_CODES, text)) {
    return text as Code | RoutingCode | ''
  }
  throw new Malformed('unknown code')
}
