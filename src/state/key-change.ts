import { decodeRecord } from './keys.ts'

/** What a command made of one key, as it is told to whoever listens. Its arrays never change. */
export interface KeyChange {
  /** The number of the command: rises in the order of apply, equal on all replicas. */
  readonly position: number
  /** The key of the row, see dataKey. */
  readonly at: Uint8Array
  /** What stands there now, as it is stored; undefined: nothing. */
  readonly record: Uint8Array | undefined
  /** Of the key: higher with each change of it. */
  readonly revision: number
  /** Its ttl was over. */
  readonly expired: boolean
}

/** Hears of changes as they are applied, those of one command right after each other. */
export type ChangeListener = (change: KeyChange) => void

/** The key that changed: a view. */
export function changedKey({ at }: KeyChange): Uint8Array {
  return at.subarray(1)
}

/** The value it has now: a view; undefined: it is gone. */
export function changedValue({ record }: KeyChange): Uint8Array | undefined {
  return record === undefined ? undefined : decodeRecord(record).value
}
