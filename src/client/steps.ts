import { equalBytes, utf8 } from '../wire/bytes.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import { type Failure, failure } from '../wire/failure.ts'
import { TRANSACTION_BYTES_MAX, TRANSACTION_OPERATIONS_MAX } from '../wire/limits.ts'
import type { ReadRecord } from '../wire/read-body.ts'
import type { KeyResult } from '../wire/result.ts'
import type { KeyCheck } from '../wire/transaction.ts'
import type { Use, Uses } from './gates.ts'
import type { Seen } from './read-all.ts'
import type { Step, StepResult, TransactionRequest } from './transactor-types.ts'

/** What a reader found, by name of the key; see nameOfKey. */
export type Found = ReadonlyMap<string, Seen>

/**
 * Equal for equal bytes: one character a byte, made in one step. Text that grows byte by byte takes
 * a hundred times as long, and as many bytes as a tree.
 */
export function nameOfKey(key: Uint8Array): string {
  // As many arguments as a key has bytes at most. It takes whatever has numbers and a length.
  return String.fromCharCode.apply(null, key as unknown as number[])
}

/** Each key once, where it stands first. */
export function distinct(keys: readonly Uint8Array[]): readonly Uint8Array[] {
  const byName = new Map<string, Uint8Array>()
  for (const key of keys) {
    const name = nameOfKey(key)
    if (!byName.has(name)) byName.set(name, key)
  }
  return [...byName.values()]
}

/** For those who only read them. */
export function shared(keys: readonly Uint8Array[]): Uses {
  return new Map(keys.map((key) => [nameOfKey(key), 'shared']))
}

/** For those who write some of what they depend on. */
export function usesOf(keys: readonly Uint8Array[], written: readonly Uint8Array[]): Uses {
  const uses = new Map<string, Use>(shared(keys))
  for (const key of written) uses.set(nameOfKey(key), 'sole')
  return uses
}

export function writesOf(steps: readonly Step[]): readonly DataOperation[] {
  return steps.filter((step) => step.type !== 'get')
}

/** The keys of those gets that no earlier step writes: what they show stands in the store. */
export function readsOf(steps: readonly Step[]): readonly Uint8Array[] {
  const written = new Set<string>()
  const keys: Uint8Array[] = []
  for (const { type, key } of steps) {
    const name = nameOfKey(key)
    if (type !== 'get') written.add(name)
    else if (!written.has(name)) keys.push(key)
  }
  return keys
}

/** Of each step, from those of the writes and what was found before them. */
export function resultsOfSteps(
  steps: readonly Step[],
  ofWrites: readonly KeyResult[],
  found: ReadonlyMap<string, Pick<Seen, 'record'>>
): readonly StepResult[] {
  const own = new Map<string, ReadRecord | undefined>()
  let next = 0
  return steps.map((step) => {
    const name = nameOfKey(step.key)
    if (step.type === 'get') {
      const record = own.has(name) ? own.get(name) : found.get(name)?.record
      return { type: 'got', record }
    }
    const result = ofWrites[next++] as KeyResult
    own.set(name, leftBy(step, result))
    return result
  })
}

/** The key after a step that was carried out. */
function leftBy(step: Step, result: KeyResult): ReadRecord | undefined {
  if (step.type === 'put' && result.type === 'written') {
    const expiry = step.ttlMs === undefined ? {} : { expiresInMs: step.ttlMs }
    return { value: step.value, revision: result.revision, ...expiry }
  }
  if (result.type !== 'counted') return undefined
  const { value, revision, expiresInMs } = result
  const expiry = expiresInMs === undefined ? {} : { expiresInMs }
  return { value: utf8(String(value)), revision, ...expiry }
}

export function holds(check: KeyCheck, record: ReadRecord | undefined): boolean {
  switch (check.type) {
    case 'revision':
      return (record?.revision ?? 0) === check.revision
    case 'exists':
      return (record !== undefined) === check.exists
    default:
      return record !== undefined && equalBytes(record.value, check.value)
  }
}

/** That each key still has the revision it was found at. */
export function unmoved(keys: readonly Uint8Array[], found: Found): readonly KeyCheck[] {
  return distinct(keys).map((key) => {
    const revision = found.get(nameOfKey(key))?.record?.revision ?? 0
    return { type: 'revision', key, revision }
  })
}

/** Why a transaction is refused before anything is sent, if it is. */
export function excessOf(request: TransactionRequest): Failure | undefined {
  const { if: conditions, steps, otherwise } = request
  const count = conditions.length + Math.max(steps.length, otherwise.length)
  if (count > TRANSACTION_OPERATIONS_MAX) {
    const message = `${count} operations; ${TRANSACTION_OPERATIONS_MAX} may be in one transaction`
    return failure('too_large', message)
  }
  let bytes = 0
  for (const check of conditions) {
    bytes += check.key.length + (check.type === 'value' ? check.value.length : 0)
  }
  for (const step of [...steps, ...otherwise]) {
    bytes += step.key.length + (step.type === 'put' ? step.value.length : 0)
  }
  if (bytes <= TRANSACTION_BYTES_MAX) return undefined
  const message = `keys and values of ${bytes} bytes; ${TRANSACTION_BYTES_MAX} may be`
  return failure('too_large', `${message} in one transaction`)
}

/**
 * Why there would be too much to show, if there is: one value may be asked for a thousand times.
 * Requires: `found` has what `readsOf(steps)` names.
 */
export function excessShown(steps: readonly Step[], found: Found): Failure | undefined {
  const own = new Map<string, number>()
  let bytes = 0
  for (const step of steps) {
    const name = nameOfKey(step.key)
    if (step.type === 'get') bytes += own.get(name) ?? found.get(name)?.record?.value.length ?? 0
    else own.set(name, step.type === 'put' ? step.value.length : 0)
  }
  if (bytes <= TRANSACTION_BYTES_MAX) return undefined
  const message = `${bytes} bytes of values to show; ${TRANSACTION_BYTES_MAX} may be`
  return failure('too_large', `${message} in one transaction`)
}
