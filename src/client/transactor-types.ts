import type { Failure } from '../wire/failure.ts'
import type { Once } from '../wire/once.ts'
import type { ReadRecord } from '../wire/read-body.ts'
import type { KeyResult } from '../wire/result.ts'
import type { Check, TransactionRef } from '../wire/transaction.ts'
import type { SeenGroup } from './inputs.ts'

/** One step of a transaction. Steps run in their order, later ones see earlier ones. */
export type Step =
  | {
      readonly type: 'put'
      readonly key: Uint8Array
      readonly value: Uint8Array
      readonly ttlMs?: number
    }
  | { readonly type: 'delete'; readonly key: Uint8Array }
  | { readonly type: 'increment'; readonly key: Uint8Array; readonly by: number }
  | { readonly type: 'get'; readonly key: Uint8Array }

/** If all conditions hold `steps` run, else `otherwise`; all of it at one moment. */
export interface TransactionRequest {
  readonly if: readonly Check[]
  readonly steps: readonly Step[]
  readonly otherwise: readonly Step[]
  /** All requests that bear the same are one, which happens once. */
  readonly once?: Once
}

/** Of a `get`: what stood there after the steps before it. Undefined: nothing. */
export interface Got {
  readonly type: 'got'
  readonly record: ReadRecord | undefined
}

export type StepResult = KeyResult | Got

export type TransactionOutcome =
  | {
      readonly ok: true
      /** Of the attempt that counts; undefined: it wrote nothing and left no record. */
      readonly id: TransactionRef | undefined
      /** Whether the conditions held, and `steps` were run. */
      readonly committed: boolean
      /** Indexes of the conditions that did not hold. */
      readonly failed: readonly number[]
      /** Of the steps that were run, in their order. */
      readonly results: readonly StepResult[]
      readonly groups: readonly SeenGroup[]
    }
  /** With an unknown outcome `id` names the attempt that may have been committed. */
  | { readonly ok: false; readonly failure: Failure; readonly id: TransactionRef | undefined }
