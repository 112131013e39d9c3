import fc from 'fast-check'
import { LOCK_TTL_MS_MAX, LOCK_TTL_MS_MIN } from '../../../src/wire/limits.ts'
import type { Expiry, LockName, LockOperation, Renewal } from '../../../src/wire/lock.ts'
import type {
  LockHolder,
  LockResult,
  LockVerdict,
  LockView
} from '../../../src/wire/lock-result.ts'
import type { Ingredients } from './transaction-arbitraries.ts'

const ttlMs = fc.integer({ min: LOCK_TTL_MS_MIN, max: LOCK_TTL_MS_MAX })
const owner = fc.string({ unit: 'binary', maxLength: 32 })

export function lockNames({ key }: Pick<Ingredients, 'key'>): fc.Arbitrary<LockName> {
  return fc.record({ key, guard: fc.boolean() })
}

export function lockOperations(of: Ingredients): fc.Arbitrary<LockOperation> {
  const { key, count } = of
  const name = { key, guard: fc.boolean() }
  const place = { ...name, number: count }
  const renewal = fc.record({ ...place, ttlMs }, { requiredKeys: ['key', 'guard', 'number'] })
  const renewals = fc.array(renewal, { minLength: 1, maxLength: 4 })
  const expiries = fc.array(fc.record({ ...place, renewals: count }), {
    minLength: 1,
    maxLength: 4
  })
  return fc.oneof(
    fc.record({
      type: fc.constant('acquire' as const),
      ...name,
      shared: fc.boolean(),
      wait: fc.boolean(),
      ttlMs,
      owner
    }),
    fc.record({
      type: fc.constant('renew' as const),
      places: renewals as fc.Arbitrary<readonly Renewal[]>
    }),
    fc.record({ type: fc.constant('release' as const), ...name, token: count }),
    fc.record({ type: fc.constant('leave' as const), ...name, ticket: count }),
    fc.record({
      type: fc.constant('expire' as const),
      places: expiries as fc.Arbitrary<readonly Expiry[]>
    })
  )
}

const holders = ({ count }: Ingredients): fc.Arbitrary<LockHolder> =>
  fc.record({ owner, heldMs: count })

export function lockResults(of: Ingredients): fc.Arbitrary<LockResult> {
  const { count } = of
  const holder = holders(of)
  const granted = fc.record({ type: fc.constant('granted' as const), token: count, ttlMs: count })
  const verdict: fc.Arbitrary<LockVerdict> = fc.oneof(
    granted,
    fc.record({ type: fc.constant('queued' as const), ahead: count }),
    fc.record({ type: fc.constantFrom('held' as const, 'lost' as const) })
  )
  return fc.oneof(
    granted,
    fc.record({ type: fc.constant('waiting' as const), ticket: count, ahead: count, holder }),
    fc.record({ type: fc.constantFrom('locked' as const, 'left' as const), holder }),
    fc.record({
      type: fc.constant('renewed' as const),
      verdicts: fc.array(verdict, { maxLength: 5 })
    }),
    fc.record({ type: fc.constantFrom('crowded' as const, 'released' as const, 'lost' as const) })
  )
}

export function lockViews(of: Ingredients): fc.Arbitrary<LockView> {
  const { count } = of
  const held = fc.record({
    owner,
    heldMs: count,
    token: count,
    shared: fc.boolean(),
    expiresInMs: count
  })
  const free = fc.record({ token: count, waiters: count, holders: fc.constant(0) })
  return fc.oneof(
    free,
    fc.record({ token: count, waiters: count, holders: fc.integer({ min: 1, max: 9 }), held })
  )
}
