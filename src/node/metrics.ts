import type { DiskCounts } from '../storage/metered-disk.ts'
import type { PeerTraffic } from '../transport/traffic.ts'
import { counter, gauge, labelled, type Metric, type Sample } from '../world/metric.ts'
import { GROUP_METRICS } from './group-metrics.ts'
import { LOCK_METRICS } from './lock-metrics.ts'
import type { NodeMachine } from './machine.ts'
import type { Caller } from './mesh.ts'
import type { RequestWatch } from './request-watch.ts'
import { STORAGE_METRICS } from './storage-metrics.ts'
import type { Survey } from './survey.ts'
import { TRANSACTION_METRICS } from './transaction-metrics.ts'
import { WATCH_METRICS } from './watch-metrics.ts'

/** What the metrics of a node are read from, once for each scrape. */
export interface NodeSource {
  readonly machine: NodeMachine
  readonly groups: Survey
  readonly traffic: readonly PeerTraffic[]
  readonly disk: DiskCounts
}

const MS_PER_SECOND = 1_000
const CALLERS: readonly Caller[] = ['client', 'peer', 'self']
/** Clients come and go under ever new names. */
const CLIENTS = 'clients'

const NODE: readonly Metric<NodeSource>[] = [
  labelled(
    'gauge',
    {
      name: 'keymesh_node_info',
      help: 'Always 1; the labels say which node of which cluster this is.',
      labels: ['node', 'cluster']
    },
    ({ machine }) => {
      const { nodeId, clusterId } = machine.membership.identity
      return [{ labels: [nodeId, clusterId], value: 1 }]
    }
  ),
  gauge('keymesh_ready', 'Whether /readyz answers 200.', ({ machine }) =>
    machine.unready.length === 0 ? 1 : 0
  ),
  gauge(
    'keymesh_map_epoch',
    'Epoch of the cluster map this node goes by.',
    ({ machine }) => machine.membership.map?.epoch
  ),
  gauge(
    'keymesh_clock_offset_seconds',
    'How far the clock of this node is before the median of those it hears.',
    ({ machine }) => {
      const ms = machine.time.offsetMs
      return ms === undefined ? undefined : ms / MS_PER_SECOND
    }
  ),
  counter(
    'keymesh_peers_refused_total',
    'Links to nodes or clients that were refused.',
    ({ machine }) => machine.links.refused
  )
]

const REQUESTS: readonly Metric<NodeSource>[] = [
  labelled(
    'counter',
    {
      name: 'keymesh_requests_total',
      help: 'Requests that replicas of this node answered, by who asked, kind and code.',
      labels: ['door', 'kind', 'code']
    },
    ({ machine }) => requestEnds(machine.watch)
  ),
  labelled(
    'timing',
    {
      name: 'keymesh_request_duration_seconds',
      help: 'From a request coming in to its answer going out.',
      labels: ['door', 'kind']
    },
    ({ machine }) => requestTimes(machine.watch)
  ),
  gauge(
    'keymesh_requests_inside',
    'Requests being worked on.',
    ({ machine }) => machine.door.inside
  ),
  gauge(
    'keymesh_requests_waiting',
    'Requests among them that wait in line, because turns are long.',
    ({ machine }) => machine.door.waiting
  ),
  gauge(
    'keymesh_requests_inside_bytes',
    'Bytes of the requests being worked on.',
    ({ machine }) => machine.door.insideBytes
  ),
  labelled(
    'gauge',
    {
      name: 'keymesh_requests_limit',
      help: 'How many requests of each class may be worked on, by how fast answers leave.',
      labels: ['class']
    },
    ({ machine }) =>
      Object.entries(machine.door.limits).map(([name, value]) => ({ labels: [name], value }))
  ),
  gauge(
    'keymesh_requests_limit_bytes',
    'How many bytes of mutations may be worked on, by how fast answers leave.',
    ({ machine }) => machine.door.bytesLimit
  ),
  gauge(
    'keymesh_gateway_calls_waiting',
    'Calls of HTTP callers and of this process without an answer yet.',
    ({ machine }) => machine.gateway.inFlight
  )
]

const LINKS: readonly Metric<NodeSource>[] = [
  perPeer('gauge', 'keymesh_peer_links', 'Links that stand.', (peer) => peer.links),
  perPeer(
    'gauge',
    'keymesh_peer_queued_bytes',
    'Bytes sent and not yet taken by the network.',
    (peer) => peer.queuedBytes
  ),
  perPeer(
    'counter',
    'keymesh_peer_sent_frames_total',
    'Frames sent.',
    ({ framesOut }) => framesOut
  ),
  perPeer('counter', 'keymesh_peer_sent_bytes_total', 'Bytes sent.', ({ bytesOut }) => bytesOut),
  perPeer(
    'counter',
    'keymesh_peer_received_frames_total',
    'Frames received.',
    ({ framesIn }) => framesIn
  ),
  perPeer(
    'counter',
    'keymesh_peer_received_bytes_total',
    'Bytes received.',
    ({ bytesIn }) => bytesIn
  ),
  perPeer(
    'counter',
    'keymesh_peer_dropped_frames_total',
    'Frames not sent, because too much waited for the network already.',
    ({ framesDropped }) => framesDropped
  )
]

/** Everything a node tells of itself; docs/metrics.md says what it means. */
export const NODE_METRICS: readonly Metric<NodeSource>[] = [
  ...NODE,
  ...REQUESTS,
  ...GROUP_METRICS,
  ...STORAGE_METRICS,
  ...TRANSACTION_METRICS,
  ...LOCK_METRICS,
  ...WATCH_METRICS,
  ...LINKS
]

function requestEnds({ tallies }: RequestWatch): Sample[] {
  return CALLERS.flatMap((caller) =>
    [...tallies[caller].kinds].flatMap(([kind, { ends }]) =>
      [...ends].map(([code, value]) => ({ labels: [caller, kind, code], value }))
    )
  )
}

function requestTimes({ tallies }: RequestWatch): Sample[] {
  return CALLERS.flatMap((caller) =>
    [...tallies[caller].kinds].map(([kind, { latency }]) => ({
      labels: [caller, kind],
      value: latency
    }))
  )
}

function perPeer(
  type: 'gauge' | 'counter',
  name: string,
  help: string,
  read: (traffic: PeerTraffic) => number
): Metric<NodeSource> {
  return labelled(type, { name, help, labels: ['peer'] }, ({ traffic }) =>
    traffic.map((one) => ({ labels: [one.peer || CLIENTS], value: read(one) }))
  )
}
