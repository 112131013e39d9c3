import { LOG_NUMBER_MAX } from './limits.ts'
import type { TransactionRef } from './transaction.ts'

// How people and programs name a transaction: SESSION-SEQ-ANCHOR, 32 hex digits and two decimals.

const FORM = /^([0-9a-f]{32})-([1-9]\d{0,15})-([1-9]\d{0,9})$/
const GROUP_MAX = 0xffff_ffff

export function transactionText({ session, seq, anchor }: TransactionRef): string {
  return `${session}-${seq}-${anchor}`
}

/** Undefined: `text` is not what `transactionText` writes. */
export function transactionOf(text: string): TransactionRef | undefined {
  const [, session, seq, anchor] = FORM.exec(text) ?? []
  if (session === undefined) return undefined
  const ref = { session, seq: Number(seq), anchor: Number(anchor) }
  return ref.seq <= LOG_NUMBER_MAX && ref.anchor <= GROUP_MAX ? ref : undefined
}
