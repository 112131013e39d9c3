import { counter, gauge, labelled, type Metric } from '../world/metric.ts'
import type { NodeSource } from './metrics.ts'

/** Of transactions over several groups; one that has all its keys in one group is a mutation. */
export const TRANSACTION_METRICS: readonly Metric<NodeSource>[] = [
  counter(
    'keymesh_transactions_started_total',
    'Transactions that this node began to coordinate.',
    ({ machine }) => machine.transactions.coordinator.counts.started
  ),
  counter(
    'keymesh_transactions_committed_total',
    'Of these, and of those taken over, how many were committed.',
    ({ machine }) => machine.transactions.coordinator.counts.committed
  ),
  labelled(
    'counter',
    {
      name: 'keymesh_transactions_aborted_total',
      help: 'How many were aborted, and why.',
      labels: ['reason']
    },
    ({ machine }) =>
      [...machine.transactions.coordinator.counts.aborted].map(([reason, value]) => ({
        labels: [reason],
        value
      }))
  ),
  counter(
    'keymesh_transactions_recovered_total',
    'Records that an earlier leader left and this node took over.',
    ({ machine }) => machine.transactions.coordinator.counts.recovered
  ),
  counter(
    'keymesh_transactions_pushed_total',
    'Transactions of other coordinators that were waited for too long here, and ended.',
    ({ machine }) => machine.transactions.resolver.pushed
  ),
  gauge(
    'keymesh_transactions_running',
    'Transactions that this node coordinates now.',
    ({ machine }) => machine.transactions.coordinator.running
  ),
  labelled(
    'timing',
    {
      name: 'keymesh_transaction_duration_seconds',
      help: 'Of coordinated ones, by phase: to the last vote, from there to the decision, and on.',
      labels: ['phase']
    },
    ({ machine }) => {
      const { preparedMs, decidedMs, resolvedMs } = machine.transactions.coordinator.counts
      return [
        { labels: ['prepare'], value: preparedMs },
        { labels: ['decide'], value: decidedMs },
        { labels: ['resolve'], value: resolvedMs }
      ]
    }
  ),
  gauge(
    'keymesh_transaction_records',
    'Records of transactions in replicas on this node.',
    ({ groups }) => groups.transactions.records
  ),
  gauge(
    'keymesh_transaction_intents',
    'Keys in replicas on this node that an undecided transaction will change.',
    ({ groups }) => groups.transactions.intents
  ),
  gauge(
    'keymesh_transaction_read_locks',
    'Keys in replicas on this node that an undecided transaction relies on.',
    ({ groups }) => groups.transactions.readLocks
  ),
  gauge(
    'keymesh_transaction_waiting',
    'Requests at leaders on this node that wait for a transaction.',
    ({ groups }) => groups.transactions.waiting
  ),
  gauge(
    'keymesh_transaction_oldest_age_seconds',
    'Age of the oldest part or record of a transaction in replicas on this node.',
    ({ groups }) => groups.transactions.oldestMs / 1_000
  )
]
