import { ByteReader } from '../wire/bytes.ts'
import { readResult } from '../wire/command.ts'
import { decodeRead } from '../wire/read-body.ts'
import type { Reply } from '../wire/request.ts'
import type { Call, Route } from './calls.ts'
import type { CallOutcome } from './inputs.ts'

/** What an `ok` reply says to the caller. Throws Malformed. */
export function readOutcome(call: Call, route: Route, reply: Reply): CallOutcome {
  const { group } = route
  const { applied, body } = reply
  if (call.operation.kind === 'get') {
    const stalenessMs = call.operation.consistency === 'eventual' ? reply.waitMs : 0
    return { ok: true, kind: 'get', record: decodeRead(body), group, applied, stalenessMs }
  }
  const reader = new ByteReader(body)
  const result = readResult(reader)
  reader.end()
  return { ok: true, kind: 'mutate', result, group, applied }
}
