import type { TransactionRecord } from '../state/records.ts'
import type { GroupId } from '../wire/ids.ts'
import type { Result } from '../wire/result.ts'

/** What became of a command that was handed to a group. */
export type Told =
  | { readonly type: 'result'; readonly result: Result; readonly applied: number }
  /** It surely did nothing and never will; `waitMs`: when to come back, if it was too much. */
  | {
      readonly type: 'refused'
      readonly code: string
      readonly message: string
      readonly waitMs: number
    }
  | { readonly type: 'unknown' }

/** Called exactly once. */
export type Hear = (told: Told) => void

/** The group at whose leader a coordinator lives. */
export interface Anchor {
  readonly group: GroupId
  /** The term its replica here leads in; 0: it does not lead. */
  readonly term: number
  record(id: TransactionRecord['id']): TransactionRecord | undefined
  records(): Iterable<TransactionRecord>
  /** Has it committed and applied. */
  propose(command: Uint8Array, hear: Hear): void
}

/** The way to the leaders of all groups, with retries; commands bear their own numbers. */
export interface Courier {
  send(group: GroupId, command: Uint8Array, timeoutMs: number, hear: Hear): void
}
