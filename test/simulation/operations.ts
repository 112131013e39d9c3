import type { CallOperation, CallOutcome } from '../../src/client/inputs.ts'
import { Violation } from '../../src/simulation/violation.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import type { Consistency } from '../../src/wire/request.ts'
import type { KeyResult } from '../../src/wire/result.ts'
import type { Operation } from './checkers/linearizable.ts'
import type { Answer, Call } from './checkers/register.ts'

/** `call` to `key` as a client takes it. */
export function operationOf(key: string, call: Call, consistency: Consistency): CallOperation {
  const at = utf8(key)
  if (call.type === 'get') return { kind: 'get', key: at, consistency }
  const condition = call.ifRevision === undefined ? {} : { ifRevision: call.ifRevision }
  const { type } = call
  if (type === 'put') {
    const operation = { type, key: at, value: utf8(call.value), ...condition } as const
    return { kind: 'mutate', operation }
  }
  if (type === 'delete') return { kind: 'mutate', operation: { type, key: at, ...condition } }
  if (type === 'touch') return { kind: 'mutate', operation: { type, key: at, ...condition } }
  return { kind: 'mutate', operation: { type, key: at, by: call.by, ...condition } }
}

/** What its client was told, as the checkers take it. Throws Violation. */
export function outcomeOf(outcome: CallOutcome): Operation['outcome'] {
  if (!outcome.ok) {
    return outcome.failure.outcome === 'unknown' ? { type: 'unknown' } : { type: 'failed' }
  }
  if (outcome.kind === 'mutate') return { type: 'ok', answer: answerOf(outcome.result) }
  if (outcome.kind !== 'get') throw new Violation(`a key was answered as ${outcome.kind}`)
  const { record } = outcome
  if (record === undefined) return { type: 'ok', answer: { type: 'absent' } }
  const value = utf8Text(record.value) ?? '(not text)'
  return { type: 'ok', answer: { type: 'value', value, revision: record.revision } }
}

function answerOf(result: KeyResult): Answer {
  if (result.type === 'done' || result.type === 'refused' || result.type === 'not-run') {
    throw new Violation(`a key was answered with ${JSON.stringify(result)}`)
  }
  return result
}
