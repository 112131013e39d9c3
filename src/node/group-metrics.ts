import { counter, gauge, histogram, labelled, type Metric, timing } from '../world/metric.ts'
import type { NodeSource } from './metrics.ts'
import type { Survey } from './survey.ts'

type Read = (groups: Survey) => number

/** Of the replicas of a node, all groups together. */
export const GROUP_METRICS: readonly Metric<NodeSource>[] = [
  surveyed('keymesh_groups', 'Groups with a replica on this node.', (it) => it.replicas),
  surveyed('keymesh_groups_led', 'Groups whose leader is on this node.', (it) => it.led),
  surveyed(
    'keymesh_groups_leaderless',
    'Groups with a replica on this node that knows of no leader.',
    (it) => it.leaderless
  ),
  surveyed(
    'keymesh_groups_damaged',
    'Groups whose replica on this node was found damaged and serves no more.',
    (it) => it.damaged
  ),
  surveyed('keymesh_keys', 'Keys that replicas on this node hold.', (it) => it.keys),
  counter(
    'keymesh_keys_expired_total',
    'Keys that replicas on this node dropped because their ttl was over.',
    ({ groups }) => groups.expired
  ),
  surveyed('keymesh_sessions', 'Sessions that replicas on this node hold.', (it) => {
    return it.sessions.sum
  }),
  surveyed(
    'keymesh_group_sessions_max',
    'Sessions of the group that has the most; the bound is 10,000.',
    (it) => it.sessions.max
  ),
  surveyed(
    'keymesh_group_sessions_kept_max',
    'The same, of groups where each session was used within ten minutes: none can make room.',
    (it) => it.sessionsKept.max
  ),
  surveyed(
    'keymesh_idempotency_keys',
    'Idempotency keys that replicas on this node remember.',
    (it) => it.repeats.sum
  ),
  surveyed(
    'keymesh_group_idempotency_keys_max',
    'Idempotency keys of the group that has the most; the bound is 50,000.',
    (it) => it.repeats.max
  ),
  surveyed('keymesh_raft_term_max', 'Highest term of any group here.', (it) => it.termMax),
  counter(
    'keymesh_raft_elections_total',
    'Elections that replicas on this node called.',
    ({ machine }) => machine.host.counts.elections
  ),
  labelled(
    'counter',
    {
      name: 'keymesh_raft_leaderships_total',
      help: 'Times a replica on this node began to lead its group, or led it no longer.',
      labels: ['event']
    },
    ({ machine }) => [
      { labels: ['won'], value: machine.host.counts.leadershipsWon },
      { labels: ['lost'], value: machine.host.counts.leadershipsLost }
    ]
  ),
  surveyed(
    'keymesh_raft_commit_lag_entries',
    'Entries in the logs of this node that are not known to be committed.',
    (it) => it.commitLag.sum
  ),
  surveyed(
    'keymesh_raft_commit_lag_max_entries',
    'The same, of the group that has the most.',
    (it) => it.commitLag.max
  ),
  surveyed(
    'keymesh_raft_apply_lag_entries',
    'Entries that are committed and not applied on this node.',
    (it) => it.applyLag.sum
  ),
  surveyed(
    'keymesh_raft_apply_lag_max_entries',
    'The same, of the group that has the most.',
    (it) => it.applyLag.max
  ),
  labelled(
    'gauge',
    {
      name: 'keymesh_raft_follower_lag_max_entries',
      help: 'Entries that a node has not acknowledged, of the group led here where it is most.',
      labels: ['peer']
    },
    ({ groups }) => [...groups.followerLag].map(([node, value]) => ({ labels: [node], value }))
  ),
  histogram(
    'keymesh_raft_entry_commands',
    'Commands in each entry that a leader on this node proposed.',
    ({ machine }) => machine.host.counts.entryCommands
  ),
  counter(
    'keymesh_raft_entries_applied_total',
    'Entries that replicas on this node applied.',
    ({ machine }) => machine.host.counts.entriesApplied
  ),
  timing(
    'keymesh_raft_persist_duration_seconds',
    'From records being handed to the log to their being durable.',
    ({ machine }) => machine.host.counts.persist
  ),
  counter(
    'keymesh_read_rounds_total',
    'Rounds in which leaders on this node made sure that they lead, for strong reads.',
    ({ machine }) => machine.host.reads.rounds
  ),
  counter(
    'keymesh_read_rounds_retried_total',
    'Of these, rounds whose answers were too late, so that it was asked again.',
    ({ machine }) => machine.host.reads.retried
  ),
  timing(
    'keymesh_read_round_duration_seconds',
    'From a round being asked to the last of its groups being sure.',
    ({ machine }) => machine.host.reads.latency
  ),
  labelled(
    'counter',
    {
      name: 'keymesh_snapshots_total',
      help: 'Transfers of a whole state: sent whole, given up by the sender, taken in.',
      labels: ['event']
    },
    ({ machine }) => {
      const { sent, failed, received } = machine.keeping.snapshots.counts
      return [
        { labels: ['sent'], value: sent },
        { labels: ['failed'], value: failed },
        { labels: ['received'], value: received }
      ]
    }
  ),
  labelled(
    'gauge',
    {
      name: 'keymesh_snapshots_under_way',
      help: 'Transfers of a whole state that have not ended.',
      labels: ['direction']
    },
    ({ machine }) => {
      const { sending, receiving } = machine.keeping.snapshots.underWay
      return [
        { labels: ['out'], value: sending },
        { labels: ['in'], value: receiving }
      ]
    }
  )
]

function surveyed(name: string, help: string, read: Read): Metric<NodeSource> {
  return gauge(name, help, ({ groups }) => read(groups))
}
