import { encodeCommand } from '../wire/command.ts'
import type { Result } from '../wire/result.ts'
import type { TransactionId, TransactionOperation } from '../wire/transaction.ts'

/** A command that anybody may send, any number of times: only its name counts. */
export function decisionCommand(
  { session, seq }: TransactionId,
  operation: Extract<TransactionOperation, { type: 'commit' | 'abort' | 'resolve' | 'forget' }>
): Uint8Array {
  return encodeCommand({ session, seq, ackedUpTo: 0, basis: 0, operation })
}

/**
 * What an anchor's answer lets the parts of the transaction be resolved to; undefined: nothing yet.
 * `gone`: its client had its answer long ago, so a part that is still there is a late copy.
 * `known`, `not-run`: its idempotency key has another answer, so under this name nothing is run.
 */
export function decisionOf(result: Result): 'committed' | 'aborted' | undefined {
  switch (result.type) {
    case 'transacted':
      return 'committed'
    case 'ended':
      return result.committed ? 'committed' : 'aborted'
    case 'aborted':
    case 'gone':
    case 'known':
    case 'not-run':
      return 'aborted'
    default:
      return undefined
  }
}
