import { CLIENT_MUTANTS } from './client.ts'
import { LOCK_MUTANTS } from './locks.ts'
import type { Mutant } from './mutant.ts'
import { NODE_MUTANTS } from './node.ts'
import { RAFT_MUTANTS } from './raft.ts'
import { SCAN_MUTANTS } from './scans.ts'
import { STATE_MUTANTS } from './state.ts'
import { STORAGE_MUTANTS } from './storage.ts'
import { TRANSACTION_MUTANTS } from './transactions.ts'
import { WATCH_MUTANTS } from './watches.ts'

/** By number. */
export const MUTANTS: readonly Mutant[] = [
  ...RAFT_MUTANTS,
  ...STORAGE_MUTANTS,
  ...STATE_MUTANTS,
  ...SCAN_MUTANTS,
  ...CLIENT_MUTANTS,
  ...NODE_MUTANTS,
  ...TRANSACTION_MUTANTS,
  ...LOCK_MUTANTS,
  ...WATCH_MUTANTS
].sort((a, b) => numberOf(a) - numberOf(b))

function numberOf({ id }: Mutant): number {
  return Number.parseInt(id.slice(1), 10)
}
