import { counter, gauge, type Metric } from '../world/metric.ts'
import type { NodeSource } from './metrics.ts'

/** Of locks, at their leaders: added up over all nodes, each lock counts once. */
export const LOCK_METRICS: readonly Metric<NodeSource>[] = [
  gauge(
    'keymesh_lock_holders',
    'Held locks of groups led here; a lock counts once for each who shares it.',
    ({ groups }) => groups.locks.holders
  ),
  gauge(
    'keymesh_lock_waiters',
    'Places in the queues of locks of groups led here.',
    ({ groups }) => groups.locks.waiters
  ),
  gauge(
    'keymesh_group_lock_places_max',
    'Holders and waiters of the group led here that has the most; the bound is 20,000.',
    ({ groups }) => groups.locks.placesMax
  ),
  gauge(
    'keymesh_lock_waiting',
    'Requests at leaders on this node that wait for a grant.',
    ({ groups }) => groups.locks.waiting
  ),
  counter(
    'keymesh_lock_grants_total',
    'Locks granted by leaders on this node.',
    ({ groups }) => groups.locks.granted
  ),
  counter(
    'keymesh_lock_expirations_total',
    'Places at locks, held or waited for, that leaders on this node saw expire.',
    ({ groups }) => groups.locks.expired
  )
]
