import fc from 'fast-check'
import type { DataOperation } from '../../../src/wire/data-operation.ts'
import { LOG_NUMBER_MAX } from '../../../src/wire/limits.ts'
import type { KeyResult, TransactionResult, Vote } from '../../../src/wire/result.ts'
import type { Check, Part, TransactionOperation, Work } from '../../../src/wire/transaction.ts'

/** What operations of transactions are made of. */
export interface Ingredients {
  readonly key: fc.Arbitrary<Uint8Array>
  /** Conditions are left out. */
  readonly data: fc.Arbitrary<DataOperation>
  readonly count: fc.Arbitrary<number>
  readonly group: fc.Arbitrary<number>
  readonly session: fc.Arbitrary<string>
  readonly result: fc.Arbitrary<KeyResult>
}

const why = fc.constantFrom(
  'moved',
  'blocked',
  'not_a_number',
  'absent',
  'ended',
  'overloaded',
  'fenced'
)

export function votes({ count, group, result }: Ingredients): fc.Arbitrary<readonly Vote[]> {
  const results = fc.array(result, { maxLength: 3 })
  return fc.array(fc.record({ group, applied: count, results }), { maxLength: 3 })
}

export function works({ key, data, count }: Ingredients): fc.Arbitrary<Work> {
  const check: fc.Arbitrary<Check> = fc.oneof(
    fc.record({ type: fc.constant('revision' as const), key, revision: count }),
    fc.record({ type: fc.constant('exists' as const), key, exists: fc.boolean() }),
    fc.record({ type: fc.constant('value' as const), key, value: fc.uint8Array({ maxLength: 9 }) }),
    fc.record({ type: fc.constant('lock' as const), key, guard: fc.boolean(), token: count })
  )
  const write = data.map(({ ifRevision: _, ...rest }) => rest as DataOperation)
  return fc
    .record({
      checks: fc.array(check, { maxLength: 3 }),
      writes: fc.array(write, { maxLength: 3 })
    })
    .filter(({ checks, writes }) => checks.length + writes.length > 0)
}

export function transactionOperations(of: Ingredients): fc.Arbitrary<TransactionOperation> {
  const { count, group, session } = of
  const work = works(of)
  const part: fc.Arbitrary<Part> = fc
    .record({ group, basis: count, work })
    .map(({ group: at, basis, work: done }) => ({ group: at, basis, ...done }))
  const parts = fc
    .uniqueArray(part, { selector: (one) => one.group, minLength: 1, maxLength: 4 })
    .map((all) => all.toSorted((a, b) => a.group - b.group))
  const ids = fc.array(fc.record({ session, seq: count }), { maxLength: 3 })
  const term = count.map((number) => Math.min(number, LOG_NUMBER_MAX))
  return fc.oneof(
    fc.record({ type: fc.constant('transact' as const), inOrder: fc.boolean(), parts }),
    fc.record({
      type: fc.constant('create' as const),
      others: fc.array(group, { maxLength: 4 }),
      work
    }),
    fc.record({ type: fc.constant('prepare' as const), anchor: group, anchorBasis: count, work }),
    fc.record({ type: fc.constant('commit' as const), term, votes: votes(of) }),
    fc.record({ type: fc.constant('abort' as const), why, basis: count }),
    fc.record({ type: fc.constant('resolve' as const), committed: fc.boolean() }),
    fc.record({ type: fc.constant('forget' as const), transactions: ids })
  )
}

export function transactionResults(of: Ingredients): fc.Arbitrary<TransactionResult> {
  const some = votes(of)
  return fc.oneof(
    some
      .filter((all) => all.length > 0)
      .map(([vote]): TransactionResult => ({ type: 'prepared', vote: vote as Vote })),
    fc.record({ type: fc.constant('transacted' as const), votes: some }),
    fc.record({ type: fc.constant('aborted' as const), why }),
    fc.record({ type: fc.constant('ended' as const), committed: fc.boolean() }),
    fc.record({ type: fc.constantFrom('pending', 'gone') })
  )
}
