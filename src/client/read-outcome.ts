import { ByteReader, Malformed } from '../wire/bytes.ts'
import { failure } from '../wire/failure.ts'
import {
  decodeLockView,
  type Granted,
  LOCK_RESULT,
  type LockResult,
  type Lost
} from '../wire/lock-result.ts'
import { decodeRead, isPast, type Lapse } from '../wire/read-body.ts'
import type { Reply } from '../wire/request.ts'
import { type KeyResult, type Result, readKeptResult, readResult } from '../wire/result.ts'
import { decodeScanPage } from '../wire/scan.ts'
import type { TransactionRef } from '../wire/transaction.ts'
import { decodePosition, decodeWatchAnswer } from '../wire/watch.ts'
import { unreachable } from '../world/assert.ts'
import { type Call, consistencyOf, floorOf, type Route } from './calls.ts'
import type { CallOutcome, SeenGroup } from './inputs.ts'
import { resultsOf } from './plan.ts'

/** What an `ok` reply says to the caller, in a cluster of so many partitions. Throws Malformed. */
export function readOutcome(
  call: Call,
  route: Route,
  reply: Reply,
  partitions: number
): CallOutcome {
  const { group } = route
  const { applied, body } = reply
  const { operation } = call
  switch (operation.kind) {
    case 'get':
      return readGet(call, route, reply)
    case 'scan':
      return readScanned(call, route, reply)
    case 'mutate': {
      const result = whole(body, readKeptResult)
      if (result.type === 'known')
        return { ok: true, kind: 'told', result, group, applied, partitions }
      return { ok: true, kind: 'mutate', result, group, applied }
    }
    case 'transact':
      return readTransacted(call, route, reply, partitions)
    case 'forward':
    case 'outcome':
      return { ok: true, kind: operation.kind, result: whole(body, readResult), group, applied }
    case 'lock':
      return readLock(whole(body, readResult), group, applied)
    case 'lock-view':
      return { ok: true, kind: 'lock-view', view: decodeLockView(body), group, applied }
    case 'await-grant': {
      const result = endIn(whole(body, readResult))
      return { ok: true, kind: 'await-grant', result, group, applied }
    }
    case 'watch':
      return { ok: true, kind: 'watch', pages: decodeWatchAnswer(body) }
    case 'position':
      return { ok: true, kind: 'position', position: decodePosition(body), group, applied }
    default:
      return unreachable(operation)
  }
}

function readLock(result: Result, group: number, applied: number): CallOutcome {
  if (isLockResult(result)) return { ok: true, kind: 'lock', result, group, applied }
  if (result.type !== 'refused') throw new Malformed(`a lock answered with ${result.type}`)
  return { ok: false, failure: failure('invalid_argument', result.reason) }
}

function isLockResult(result: Result): result is LockResult {
  return Object.hasOwn(LOCK_RESULT, result.type)
}

function endIn(result: Result): Granted | Lost {
  if (result.type === 'granted' || result.type === 'lost') return result
  throw new Malformed(`the wait for a lock ended with ${result.type}`)
}

function readGet(call: Call, route: Route, { applied, body, waitMs }: Reply): CallOutcome {
  const { group } = route
  const stalenessMs = consistencyOf(call.operation) === 'eventual' ? waitMs : 0
  const { record, lapse, quietSince } = decodeRead(body)
  const seen = lapseSeen(call, route)
  const isOver = record !== undefined && seen !== undefined && isPast(record, seen)
  const shown = isOver ? undefined : record
  const quiet = quietSince === undefined ? {} : { quietSince }
  return { ok: true, kind: 'get', record: shown, group, applied, lapse, stalenessMs, ...quiet }
}

function readScanned(call: Call, route: Route, { applied, body, waitMs }: Reply): CallOutcome {
  const { group } = route
  const stalenessMs = consistencyOf(call.operation) === 'eventual' ? waitMs : 0
  const page = decodeScanPage(body)
  const seen = lapseSeen(call, route)
  const { lapse } = page
  const entries =
    seen === undefined ? page.entries : page.entries.filter((entry) => !isPast(entry, seen))
  return { ok: true, kind: 'scan', page: { ...page, entries }, group, applied, lapse, stalenessMs }
}

/** Keys that a session has seen the end of, though the state it reads may not know it. */
function lapseSeen({ operation }: Call, route: Route): Lapse | undefined {
  return consistencyOf(operation) === 'session' ? floorOf(operation, route).lapse : undefined
}

/** Whoever cannot say what became of it is taken for one who does not know: it is asked again. */
function readTransacted(
  call: Call,
  route: Route,
  { applied, body }: Reply,
  partitions: number
): CallOutcome {
  const id = transactionOf(call)
  const result: Result = whole(body, readResult)
  if (id === undefined || call.plan === undefined) throw new Malformed('an answer to no question')
  const anchor = { group: route.group, applied }
  switch (result.type) {
    case 'transacted': {
      const results: readonly KeyResult[] | undefined = resultsOf(call.plan, result.votes)
      if (results === undefined) throw new Malformed('votes of another transaction')
      const decision = { type: 'committed', results } as const
      const groups = result.votes.map((vote): SeenGroup => {
        const index = vote.group === anchor.group ? Math.max(vote.applied, applied) : vote.applied
        return { group: vote.group, applied: index }
      })
      return { ok: true, kind: 'transact', id, decision, groups }
    }
    case 'aborted':
      return { ok: true, kind: 'transact', id, decision: result, groups: [anchor] }
    case 'known':
    case 'not-run':
      return { ok: true, kind: 'told', result, ...anchor, partitions }
    case 'refused':
      return { ok: false, failure: failure('invalid_argument', result.reason) }
    default:
      throw new Malformed(`a transaction answered with ${result.type}`)
  }
}

/** Under which name a transaction was sent last, if it was. */
export function transactionOf({ operation, ticket, route }: Call): TransactionRef | undefined {
  if (operation.kind !== 'transact' || ticket === undefined || route === undefined) return undefined
  return { session: ticket.session.id, seq: ticket.seq, anchor: route.group }
}

function whole<T>(body: Uint8Array, read: (reader: ByteReader) => T): T {
  const reader = new ByteReader(body)
  const result = read(reader)
  reader.end()
  return result
}
