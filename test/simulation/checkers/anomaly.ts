import type { Transaction } from './transactions.ts'

/**
 * - `G0`, `G1c`, `G-single`, `G2-item`: cycles of dependencies, of writes only, of writes and
 *   reads, with one read of what was overwritten, with several (Adya 1999). `-realtime`: only with
 *   the order in time it is a cycle: serializable, but not strictly.
 * - `G1a`: a read of what a failed transaction appended; `G1b`: of a part of what one appended.
 * - `internal`: a transaction at odds with itself.
 * - `duplicate`: an element twice in one list; `phantom`: one that nobody appended.
 * - `incompatible-order`: lists that agree on no order of their elements.
 * - `lost-append`: acknowledged, missing from a later read, and in no other.
 */
export type AnomalyKind =
  | Cyclic
  | `${Cyclic}-realtime`
  | 'G1a'
  | 'G1b'
  | 'internal'
  | 'duplicate'
  | 'phantom'
  | 'incompatible-order'
  | 'lost-append'

export type Cyclic = 'G0' | 'G1c' | 'G-single' | 'G2-item'

/** What a cycle is commonly known as. */
export type Shape = 'lost update' | 'write skew' | 'long fork' | 'stale read' | 'causal reverse'

export interface Anomaly {
  readonly kind: AnomalyKind
  readonly shape?: Shape
  /** Who takes part, in the order of the cycle if it is one. */
  readonly transactions: readonly Transaction[]
  /** Who did what to which key, a line for each edge of a cycle. */
  readonly message: string
}
