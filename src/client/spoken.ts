import type { Check as WireCheck } from '../wire/transaction.ts'
import type { Check, Key, TxnOp } from './api.ts'
import {
  checkFence,
  checkInteger,
  checkNames,
  checkStep,
  checkTtl,
  checkValue
} from './arguments.ts'
import { invalid } from './errors.ts'
import { lockCheck } from './lock-check.ts'
import { unexpected } from './promised.ts'
import type { Scope } from './scope.ts'
import type { Step, StepResult } from './transactor-types.ts'

/** A step, and how its result is told. */
export interface Spoken {
  readonly step: Step
  readonly tell: (result: StepResult) => unknown
}

const STEPS = { put: ['put', 'value', 'ttl'], delete: ['delete'], increment: ['increment', 'by'] }
const READS = { get: ['get'] }
const CHECKED = ['revision', 'exists', 'value'] as const

/** The steps a caller asks for. Throws what is wrong with them. */
export function spokenSteps<V>(
  scope: Scope<V>,
  ops: readonly TxnOp<V>[],
  { gets }: { readonly gets: boolean }
): readonly Spoken[] {
  if (!Array.isArray(ops)) throw invalid('operations want an array')
  return ops.map((op: unknown) => spokenStep(scope, op, gets ? { ...STEPS, ...READS } : STEPS))
}

function spokenStep<V>(
  scope: Scope<V>,
  op: unknown,
  kinds: Readonly<Record<string, readonly string[]>>
): Spoken {
  const given = objectOf(op, 'an operation')
  const names = Object.keys(kinds).filter((kind) => kind in given)
  const [kind] = names
  if (names.length !== 1 || kind === undefined) {
    throw invalid(`an operation has one of ${Object.keys(kinds).join(', ')}`)
  }
  checkNames(given, kinds[kind] ?? [])
  const named = given[kind] as Key
  const key = scope.whole(named)
  switch (kind) {
    case 'put': {
      const value = checkValue(scope.codec, given.value as V)
      const ttl = given.ttl === undefined ? {} : { ttlMs: checkTtl(given.ttl) }
      return { step: { type: 'put', key, value, ...ttl }, tell: tellChange }
    }
    case 'delete':
      return { step: { type: 'delete', key }, tell: tellChange }
    case 'increment': {
      const by = given.by === undefined ? 1 : checkStep(given.by)
      return { step: { type: 'increment', key, by }, tell: tellChange }
    }
    default: {
      const entryOf = scope.named(named)
      return { step: { type: 'get', key }, tell: (result) => entryOf.entry(recordOf(result)) }
    }
  }
}

/** The conditions a caller sets. Throws what is wrong with them. */
export function spokenChecks<V>(
  scope: Scope<V>,
  checks: readonly Check<V>[] | undefined
): readonly WireCheck[] {
  if (checks === undefined) return []
  if (!Array.isArray(checks)) throw invalid('if wants an array of checks')
  return checks.map((check: unknown) => spokenCheck(scope, check))
}

function spokenCheck<V>(scope: Scope<V>, check: unknown): WireCheck {
  const given = objectOf(check, 'a check')
  if ('lock' in given) {
    checkNames(given, ['lock', 'token'])
    return lockCheck(scope, checkFence({ key: given.lock, token: given.token }))
  }
  checkNames(given, ['key', ...CHECKED])
  const names = CHECKED.filter((name) => name in given)
  const [name] = names
  if (names.length !== 1 || name === undefined) {
    throw invalid(`a check has a key and one of ${CHECKED.join(', ')}, or a lock and its token`)
  }
  const key = scope.whole(given.key as Key)
  switch (name) {
    case 'revision': {
      const revision = checkInteger(given.revision, 'revision', 0)
      if (revision === undefined) throw invalid('revision is undefined: 0 is for no such key')
      return { type: 'revision', key, revision }
    }
    case 'exists':
      if (typeof given.exists !== 'boolean') throw invalid('exists is true or false')
      return { type: 'exists', key, exists: given.exists }
    default:
      return { type: 'value', key, value: checkValue(scope.codec, given.value as V) }
  }
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  throw invalid(`${what} is an object`)
}

function recordOf(result: StepResult): (StepResult & { type: 'got' })['record'] {
  if (result.type !== 'got') throw unexpected(result.type)
  return result.record
}

function tellChange(result: StepResult): unknown {
  switch (result.type) {
    case 'written':
      return { revision: result.revision }
    case 'deleted':
      return { existed: true, revision: result.revision }
    case 'absent':
      return { existed: false }
    case 'counted':
      return { value: result.value, revision: result.revision }
    default:
      throw unexpected(result.type)
  }
}
