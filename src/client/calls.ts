import type { Operation } from '../wire/command.ts'
import { CODES, type Failure, failure } from '../wire/failure.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import type { Lapse } from '../wire/read-body.ts'
import type { Consistency, Reply } from '../wire/request.ts'
import type { Due } from './agenda.ts'
import type { CallOperation, Floor } from './inputs.ts'
import type { Plan } from './plan.ts'
import type { Ticket } from './session.ts'

/** A request sent on a link that stands, and not answered. */
export interface Pending {
  readonly id: number
  readonly node: NodeId
  readonly purpose: Call | Errand
  readonly sentAt: number
}

/**
 * - `waiting`: would be sent if there were a way: a map, a basis, a link, a leader.
 * - `sent`: at least one copy is on its way.
 * - `resting`: refused; sent again at `resumeAt`.
 */
export type CallState = 'waiting' | 'sent' | 'resting'

/** A call without an answer. */
export interface Call extends Due {
  readonly type: 'call'
  readonly id: number
  readonly operation: CallOperation
  readonly timeoutMs: number
  readonly deadline: number
  readonly trace: string
  readonly principal: string
  /** It is not refused on this side any more. */
  readonly admitted: boolean
  state: CallState
  /** Undefined until there is a map. Of a transaction: that of its anchor. */
  route: Route | undefined
  /** Of a transaction, once there is a map. */
  plan: Plan | undefined
  /** What every copy carries; made with the first one, never changed by a retry. */
  body: Uint8Array | undefined
  /** Of a mutation, from its first copy on. */
  ticket: Ticket | undefined
  copies: Pending[]
  /** A copy was handed over whose fate nobody tells us: only an answer can say what happened. */
  inDoubt: boolean
  /** Refusals so far. */
  attempt: number
  refusal: Reply | undefined
  resumeAt: number
  /** No answer by then: try another way. */
  patienceMs: number
  impatientAt: number
  /** Tells a read of any replica apart from others that could go to the same nodes. */
  readonly turn: number
  /** Replicas that would not answer this read, since it last rested. */
  refusers: readonly NodeId[]
}

/** What is known of the way to one group. */
export interface Route extends Due {
  readonly type: 'route'
  readonly group: GroupId
  /** A belief. */
  leader: NodeId | undefined
  /** The leader owes an answer for long: other opinions are welcome. */
  suspect: boolean
  /** While no leader is known only this copy asks for one; the others wait for what it learns. */
  probe: Pending | undefined
  /** Failed attempts to find the leader, in a row. */
  bounces: number
  /** Nothing is sent to the leader before. */
  notBefore: number
  /** Which member is asked next. */
  cursor: number
  /** The highest applied index heard of: the basis of what is sent next. */
  basis: number | undefined
  basisErrand: Errand | undefined
  /** What this machine's callers have seen: the floor of its session reads. */
  token: number
  /** See Floor; of this machine's callers, too. */
  lapse: Lapse | undefined
  /** Who answered with that index: it is as far for sure. */
  tokenFrom: NodeId | undefined
  /** When links to the members were last seen to, for reads of the nearest one. */
  reachedAt: number
  readonly waiting: Set<Call>
  /** Transactions that have a part here, and cannot be encoded before the basis is known. */
  readonly unencoded: Set<Call>
}

/** Fetches what calls need: the cluster map, or the basis of a group. */
export interface Errand extends Due {
  readonly type: 'errand'
  readonly route: Route | undefined
  pending: Pending | undefined
  attempt: number
}

/** What a call costs a node. */
export type Load = 'get' | 'mutate' | 'scan'

export function loadOf({ kind }: Pick<CallOperation, 'kind'>): Load {
  switch (kind) {
    case 'scan':
      return 'scan'
    case 'get':
    case 'outcome':
    case 'lock-view':
    case 'await-grant':
    case 'watch':
    case 'position':
      return 'get'
    default:
      return 'mutate'
  }
}

export function isMutation({ operation }: Call): boolean {
  return loadOf(operation) === 'mutate'
}

const NO_FLOOR: Floor = { applied: 0 }

/** What a read of keys promises; whatever else there is, the strongest. */
export function consistencyOf(operation: CallOperation): Consistency {
  return operation.kind === 'get' || operation.kind === 'scan' ? operation.consistency : 'strong'
}

/** Whether only the leader can answer. */
export function needsLeader({ operation }: Pick<Call, 'operation'>): boolean {
  return operation.kind !== 'watch' && consistencyOf(operation) === 'strong'
}

/** What no answer to a `session` read of this group may be older than. */
export function floorOf(operation: CallOperation, { group, token, lapse }: Route): Floor {
  const floors = 'floors' in operation ? operation.floors : undefined
  return floors === undefined ? { applied: token, lapse } : (floors.get(group) ?? NO_FLOOR)
}

/** The key that places an operation; undefined for those that name their group. */
export function keyOf(operation: Operation): Uint8Array | undefined {
  switch (operation.type) {
    case 'tick':
    case 'register-node':
      return undefined
    case 'claim':
      return operation.once.key
    case 'once':
      return operation.operation.key
    case 'put':
    case 'delete':
    case 'increment':
    case 'touch':
    case 'acquire':
    case 'release':
    case 'leave':
      return operation.key
    case 'renew':
    case 'expire':
      // All places are of one group.
      return operation.places[0]?.key
    default:
      return undefined
  }
}

/** Whether its answer may take as long as it likes: nobody is suspect for that. */
export function isParked({ operation }: Call): boolean {
  return operation.kind === 'await-grant'
}

/** Whether a mutation may have been applied, or may still be. */
export function mayApply(call: Call): boolean {
  return isMutation(call) && (call.inDoubt || call.copies.length > 0)
}

/** The end of a call whose deadline passed. `situation`: what stood in the way, if known. */
export function expired(call: Call, situation: string): Failure {
  // What is left for a call of a transaction is no whole number.
  const waited = `within ${Math.round(call.timeoutMs)} ms`
  const last = lastRefusal(call, situation)
  if (mayApply(call)) return doubtful(`no answer ${waited}${last}`)
  if (call.refusal?.code === 'overloaded') {
    return { ...failure('overloaded', `refused ${waited}${last}`), ...retryAfter(call.refusal) }
  }
  const asked = call.copies.length > 0 && call.refusal === undefined
  if (asked) return advised('timeout', `no answer ${waited}`)
  return advised('unavailable', `no node could serve it ${waited}${last}`)
}

/** The end of a call that no repetition can help, by the refusal of one copy. */
export function refused(call: Call, reply: Reply): Failure {
  const code =
    reply.code !== '' && reply.code in CODES ? (reply.code as Failure['code']) : 'internal'
  if (mayApply(call)) return doubtful(`one copy was refused (${code}), another not answered`)
  const message = code === reply.code ? CODES[code].advice : `refused: ${reply.code}`
  const failed = failure(code, reply.message === '' ? message : reply.message)
  return code === 'overloaded' ? { ...failed, ...retryAfter(reply) } : failed
}

/** The end of a call that was not even sent: its node refused others like it a moment ago. */
export function shedHere(waitMs: number): Failure {
  const message = `the node that serves this has too much to do. ${CODES.overloaded.advice}`
  return { ...failure('overloaded', message), retryAfterMs: Math.ceil(waitMs) }
}

/** The end of a call whose caller left. Of writes, `timeout` would leave open what happened. */
export function abandoned(call: Call): Failure {
  const why = 'its caller stopped waiting'
  if (mayApply(call)) return doubtful(why)
  return failure(isMutation(call) ? 'unavailable' : 'timeout', why)
}

export function doubtful(why: string): Failure {
  return failure('unknown_outcome', `${why}. ${CODES.unknown_outcome.advice}`, 'unknown')
}

function advised(code: 'timeout' | 'unavailable', why: string): Failure {
  return failure(code, `${why}. ${CODES[code].advice}`)
}

function lastRefusal(call: Call, situation: string): string {
  const { refusal } = call
  if (refusal === undefined) return situation === '' ? '' : ` (${situation})`
  return ` (last: ${refusal.code}${refusal.message === '' ? '' : `, ${refusal.message}`})`
}

function retryAfter(reply: Reply): { retryAfterMs?: number } {
  return reply.waitMs > 0 ? { retryAfterMs: reply.waitMs } : {}
}
