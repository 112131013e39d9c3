import type { Given, StateMachine } from '../state/state-machine.ts'
import type { Blocker } from '../state/transactions.ts'
import { type Command, isDecisionType, type Operation } from '../wire/command.ts'
import type { TransactionOperation } from '../wire/transaction.ts'

/** A command that its leader coordinates, see `transact`. */
export type Transact = Command & {
  readonly operation: Extract<TransactionOperation, { readonly type: 'transact' }>
}

export function isOfSeveralGroups(command: Command): command is Transact {
  return command.operation.type === 'transact' && command.operation.parts.length > 1
}

/** The answer `command` has already: of decisions none, they must reach the state again. */
export function lookup(
  state: StateMachine,
  { session, seq, operation }: Command
): Given | undefined {
  return isDecisionType(operation.type) ? undefined : state.lookup(session, seq)
}

/**
 * What must be over before `operation` can run, as far as the state shows. A part
 * that others wait for is not kept waiting itself: it is refused, see Transactions.
 */
export function blockerOf(state: StateMachine, operation: Operation): Blocker | undefined {
  const { transactions } = state
  if (!transactions.holdsAny) return undefined
  switch (operation.type) {
    case 'put':
    case 'delete':
    case 'increment':
    case 'touch':
      return transactions.blockerOf(operation.key)
    case 'once':
      return transactions.blockerOf(operation.operation.key)
    case 'release':
      return transactions.keeperOfLock(operation)
    case 'transact': {
      const [part, ...others] = operation.parts
      return part === undefined || others.length > 0 ? undefined : transactions.blockerOfWork(part)
    }
    default:
      return undefined
  }
}
