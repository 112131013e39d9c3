import { ByteReader } from '../wire/bytes.ts'
import { decodeRead, isPast } from '../wire/read-body.ts'
import type { Reply } from '../wire/request.ts'
import { readResult } from '../wire/result.ts'
import { type Call, floorOf, type Route } from './calls.ts'
import type { CallOutcome } from './inputs.ts'

/** What an `ok` reply says to the caller. Throws Malformed. */
export function readOutcome(call: Call, route: Route, reply: Reply): CallOutcome {
  const { group } = route
  const { applied, body } = reply
  if (call.operation.kind === 'get') {
    const { consistency } = call.operation
    const stalenessMs = consistency === 'eventual' ? reply.waitMs : 0
    const { record, lapse } = decodeRead(body)
    const seen = consistency === 'session' ? floorOf(call.operation, route).lapse : undefined
    const isOver = record !== undefined && seen !== undefined && isPast(record, seen)
    const shown = isOver ? undefined : record
    return { ok: true, kind: 'get', record: shown, group, applied, lapse, stalenessMs }
  }
  const reader = new ByteReader(body)
  const result = readResult(reader)
  reader.end()
  return { ok: true, kind: 'mutate', result, group, applied }
}
