import { counter, gauge, type Metric } from '../world/metric.ts'
import type { NodeSource } from './metrics.ts'

/** Of watches, as the replicas of this node see them. */
export const WATCH_METRICS: readonly Metric<NodeSource>[] = [
  counter(
    'keymesh_watch_changes_told_total',
    'Changes told to watches, once for each watch.',
    ({ machine }) => machine.host.watches.counts.told
  ),
  counter(
    'keymesh_watch_compacted_total',
    'Times a watch asked for changes of a group that are no longer remembered here.',
    ({ machine }) => machine.host.watches.counts.compacted
  ),
  gauge(
    'keymesh_watch_waiting',
    'Questions of watches that wait for something to happen; the bound is 10,000.',
    ({ machine }) => machine.host.watches.waiting
  ),
  gauge(
    'keymesh_watch_history_changes',
    'Changes that replicas on this node remember.',
    ({ machine }) => machine.host.watches.remembered.changes
  ),
  gauge(
    'keymesh_watch_history_bytes',
    'What they take; the bound is 64 MiB.',
    ({ machine }) => machine.host.watches.remembered.bytes
  )
]
