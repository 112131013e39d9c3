import { Buffer } from 'node:buffer'
import type { Step, StepResult, TransactionRequest } from '../../../src/client/transactor-types.ts'
import type { ReadRecord } from '../../../src/wire/read-body.ts'
import type { Check, LockCheck } from '../../../src/wire/transaction.ts'

type Records = Map<string, ReadRecord>

interface Ran {
  readonly committed: boolean
  readonly failed: readonly number[]
  readonly results: readonly StepResult[]
}

interface Tables {
  readonly table: Records
  readonly locks: { holds(check: LockCheck): boolean }
}

/** What a transaction means, over tables of which nobody else knows. */
export function runOver(tables: Tables, request: TransactionRequest, revision: () => number): Ran {
  const { table } = tables
  const failed = request.if.flatMap((check, i) => (holds(tables, check) ? [] : [i]))
  const steps = failed.length === 0 ? request.steps : request.otherwise
  const results = steps.map((step) => take(table, step, revision))
  return { committed: failed.length === 0, failed, results }
}

function holds({ table, locks }: Tables, check: Check): boolean {
  if (check.type === 'lock') return locks.holds(check)
  const found = table.get(name(check.key))
  if (check.type === 'revision') return check.revision === (found?.revision ?? 0)
  if (check.type === 'exists') return check.exists === (found !== undefined)
  return found !== undefined && Buffer.from(found.value).equals(check.value)
}

function take(table: Records, step: Step, next: () => number): StepResult {
  const key = name(step.key)
  const found = table.get(key)
  if (step.type === 'get') return { type: 'got', record: found }
  if (step.type === 'delete') {
    return table.delete(key) ? { type: 'deleted', revision: next() } : { type: 'absent' }
  }
  const revision = next()
  if (step.type === 'put') {
    const ttl = step.ttlMs === undefined ? {} : { expiresInMs: step.ttlMs }
    table.set(key, { value: step.value, revision, ...ttl })
    return { type: 'written', revision }
  }
  const value = Number(Buffer.from(found?.value ?? []).toString()) + step.by
  const left = found?.expiresInMs === undefined ? {} : { expiresInMs: found.expiresInMs }
  table.set(key, { value: Buffer.from(String(value)), revision, ...left })
  return { type: 'counted', value, revision, ...left }
}

const name = (key: Uint8Array): string => Buffer.from(key).toString('latin1')
